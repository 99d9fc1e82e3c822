"""HLS: how an exact graph becomes a project of C++ for synthesis.

placement (what is stored) -> lower, steps, element (graph -> functions on arrays) ->
printer, dialect (C++) -> project (files) -> simulation (compiled against the open headers)
"""

from inferon.targets.hls.dialect import Dialect
from inferon.targets.hls.target import Hls, HlsArtifact

__all__ = ["Dialect", "Hls", "HlsArtifact"]
