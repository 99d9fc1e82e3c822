"""Facts about graphs and their values: where results differ, what follows from a graph alone."""
