#include <chrono>

#include "@{name}_weights.hpp"

// Fills ns[bursts] with the time of one call on columns of some events, each a mean of repeats.
extern "C" void @{name}_time_columns(void* workspace, const float* const* in, float* const* out, std::size_t events,
                                     std::size_t repeats, std::size_t bursts, double* ns) {
  using clock = std::chrono::steady_clock;
  const auto weights = inferon::@{name}::embedded_weights();
  auto& scratch = *static_cast<inferon::@{name}::Workspace*>(workspace);
  for (std::size_t burst = 0; burst < bursts; ++burst) {
    const auto start = clock::now();
    for (std::size_t i = 0; i < repeats; ++i) {
      inferon::@{name}::evaluate_columns(weights, scratch, in, out, events);
      __asm__ volatile("" ::: "memory");
    }
    const std::chrono::duration<double, std::nano> taken = clock::now() - start;
    ns[burst] = taken.count() / static_cast<double>(repeats);
  }
}
