"""Passes: changes of whole graphs, each with a promise about what it keeps."""
