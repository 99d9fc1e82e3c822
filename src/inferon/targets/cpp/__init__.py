"""C++17: how a graph becomes a header that stands alone.

fuse (graph -> regions) -> memory (a place for each buffer) -> emit (regions -> loops) -> header,
package (text, files)
"""

from inferon.targets.cpp.target import Cpp, CppArtifact

__all__ = ["Cpp", "CppArtifact"]
