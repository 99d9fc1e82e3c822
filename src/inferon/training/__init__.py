"""From a torch module to a graph: the training of the shipped models. Needs the torch extra."""
