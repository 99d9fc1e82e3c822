// Places that are computed: indices, and entries of tables.
#ifndef INFERON_@{NAME}_PARTS_H
#define INFERON_@{NAME}_PARTS_H

#include "@{name}.h"

namespace @{scope} {

@{parts}
// Where an index points along an axis: a negative one counts from the end, one that is still
// outside is moved to the nearest end.
template <class Whole>
inline int bounded(const Whole& index, int size) {
  const auto at = with_sign(index);
  if (at < -size) return 0;
  if (at < 0) return at.to_int() + size;
  return at < size ? at.to_int() : size - 1;
}

// The same, but -1 for what is outside.
template <class Whole>
inline int inside(const Whole& index, int size) {
  const auto at = with_sign(index);
  if (at < -size) return -1;
  if (at < 0) return at.to_int() + size;
  return at < size ? at.to_int() : -1;
}
}  // namespace @{scope}

#endif
