#include "@{name}_c.h"

#include "@{name}_weights.hpp"

extern "C" {
size_t @{name}_workspace_bytes(void) { return inferon::@{name}::Meta::workspace_bytes; }

int @{name}_evaluate(void* workspace, @{ports}, size_t events) {
  auto& scratch = *static_cast<inferon::@{name}::Workspace*>(workspace);
  inferon::@{name}::evaluate_batch(inferon::@{name}::embedded_weights(), scratch, @{passed}, events);
  return 0;
}

int @{name}_evaluate_columns(void* workspace, @{columns}, size_t events) {
  auto& scratch = *static_cast<inferon::@{name}::Workspace*>(workspace);
  inferon::@{name}::evaluate_columns(inferon::@{name}::embedded_weights(), scratch, @{passed}, events);
  return 0;
}

@{ragged}int @{name}_check_weights(const void* weights, size_t bytes) {
  return inferon::@{name}::check_weights(weights, bytes) ? 0 : 1;
}

int @{name}_evaluate_with(const void* weights, void* workspace, @{ports}, size_t events) {
  const inferon::@{name}::Weights given{static_cast<const unsigned char*>(weights)};
  auto& scratch = *static_cast<inferon::@{name}::Workspace*>(workspace);
  inferon::@{name}::evaluate_batch(given, scratch, @{passed}, events);
  return 0;
}
}
