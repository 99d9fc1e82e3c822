#include <cstdint>

#include "@{name}_c.h"

// The same call for every model: its arrays in a row, inputs before outputs.
extern "C" void @{name}_call(void* workspace, void* const* arrays, size_t events) {
  @{name}_evaluate(workspace, @{arrays}, events);
}
