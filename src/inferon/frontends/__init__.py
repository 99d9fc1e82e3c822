"""Front-ends: one folder for each format; each turns a model into a graph of one event."""
