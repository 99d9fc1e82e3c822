#include <chrono>

#include "@{name}_weights.hpp"

namespace inferon::@{name}::INFERON_ISA::detail {
// Some steps of one event, of all @{count}.
static void some_steps(std::size_t first, std::size_t last, [[maybe_unused]] const unsigned char* weights,
                       [[maybe_unused]] unsigned char* workspace, @{ports}) noexcept {
@{places}
  for (std::size_t step = first; step < last; ++step) {
    switch (step) {
@{cases}
    }
  }
  @{unused}
}
}  // namespace inferon::@{name}::INFERON_ISA::detail

// Fills ns[step] with the time of each step alone, a mean of repeats: the steps before it are
// computed first, so that it works on what it would find in an event.
extern "C" void @{name}_time_steps(void* workspace, @{ports}, std::size_t repeats, double* ns) {
  using clock = std::chrono::steady_clock;
  const auto* weights = inferon::@{name}::embedded_weights().data;
  auto* scratch = static_cast<unsigned char*>(workspace);
  for (std::size_t step = 0; step < @{count}; ++step) {
    inferon::@{name}::detail::some_steps(0, step + 1, weights, scratch, @{passed});
    const auto start = clock::now();
    for (std::size_t i = 0; i < repeats; ++i) {
      inferon::@{name}::detail::some_steps(step, step + 1, weights, scratch, @{passed});
      __asm__ volatile("" ::: "memory");
    }
    const std::chrono::duration<double, std::nano> taken = clock::now() - start;
    ns[step] = taken.count() / static_cast<double>(repeats);
  }
}
