// The simulation of @{name} as a C function: events one behind the other, as whole numbers.
#include <cstddef>

#include "@{name}.h"
#include "@{name}_bits.h"

extern "C" void @{name}_evaluate(void* const* ports, std::size_t events) {
  for (std::size_t event = 0; event < events; ++event) {
@{inputs}
@{outputs}
    @{name}_top(@{passed});
@{results}
  }
}
