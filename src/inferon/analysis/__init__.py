"""Facts about graphs and their values: where two results differ, and what follows from a graph alone."""
