"""C++17: how a graph becomes a header that stands alone.

fuse (graph -> regions) -> memory (a place for each buffer) -> program, emit (regions -> loops) ->
header, interface, package (text, files)
"""

from inferon.targets.cpp.adapters import Labels
from inferon.targets.cpp.ragged import Ragged
from inferon.targets.cpp.target import Cpp, CppArtifact

__all__ = ["Cpp", "CppArtifact", "Labels", "Ragged"]
