// Values as whole numbers and back, for simulation: the mantissa of fixed point, ints as they are.
#ifndef INFERON_@{NAME}_BITS_H
#define INFERON_@{NAME}_BITS_H

#include <cstdint>

#include "@{name}.h"

namespace @{scope} {

inline void put(bool& to, bool from) { to = from; }
inline bool word(bool from) { return from; }

@{bits}
template <class Element, class Word>
inline void read(Element* to, const Word* from, int size) {
  for (int i = 0; i < size; ++i) put(to[i], from[i]);
}

template <class Element, class Word>
inline void write(Word* to, const Element* from, int size) {
  for (int i = 0; i < size; ++i) to[i] = static_cast<Word>(word(from[i]));
}

}  // namespace @{scope}

#endif
