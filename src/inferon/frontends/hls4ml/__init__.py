"""hls4ml configurations: a trained network in exactly the types that one names.

What is computed is what hls4ml's own emulation computes (hls4ml 1.3, Vitis backend, io_parallel,
Latency strategy): `inferon.frontends.hls4ml.emit` says it layer by layer.  What cannot be honoured
is refused with its place in the configuration.
"""

from inferon.frontends.hls4ml.configuration import Configuration, read_configuration
from inferon.frontends.hls4ml.emit import exact_network
from inferon.frontends.hls4ml.network import Network

__all__ = ["Configuration", "Network", "exact_network", "read_configuration"]
