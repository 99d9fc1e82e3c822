// The same headers in a second translation unit of the program.
#include "use.hpp"

#define HASH(m) \
  std::uint64_t m##_elsewhere() { return hash_from<use_##m>(EVENTS / 2); }
FOR_EACH_MODEL(HASH)
