"""ONNX: a model file becomes a graph of one event.

``read`` turns untrusted bytes into checked tables, ``translate`` turns each layer into nodes by
one function for each operator (``table``), ``batch`` finds the batch and takes it away, and proves
on random events that none sees another.
"""

from inferon.frontends.onnx.event_graph import find_gaps, import_model

__all__ = ["find_gaps", "import_model"]
