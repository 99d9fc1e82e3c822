@{prelude}
#include <chrono>

namespace inferon {
inline namespace INFERON_ISA {
namespace [[gnu::visibility("hidden")]] detail {
@{runtime}
@{functions}

using clock = std::chrono::steady_clock;

// Fills ns[bursts] with the time of one call of a kernel, each a mean of repeats.
template <class Kernel>
void timed(Kernel kernel, std::size_t repeats, std::size_t bursts, double* ns) {
  for (std::size_t burst = 0; burst < bursts; ++burst) {
    const auto start = clock::now();
    for (std::size_t i = 0; i < repeats; ++i) {
      kernel();
      __asm__ volatile("" ::: "memory");
    }
    const std::chrono::duration<double, std::nano> taken = clock::now() - start;
    ns[burst] = taken.count() / static_cast<double>(repeats);
  }
}

constexpr index links = @{links}, many = @{many}, elements = @{elements};
volatile float half = 0.5f;  // not known to the compiler, so that nothing is computed before

template <index... i>
void many_chains(const float* starts, float* result, numbers<i...>) noexcept {
  F sum[many] = {load(starts + i * lanes)...};  // not known to be equal: else one chain stood for all
  const F a = all(half), b = all(half);
  for (index k = 0; k < links; ++k) ((sum[i] = fma(a, b, sum[i])), ...);
  for (index k = 1; k < many; ++k) sum[0] = add(sum[0], sum[k]);
  store(result, sum[0]);
}

template <class Link>
void one_chain(float* result, Link link) noexcept {
  F x = all(half);
  for (index k = 0; k < links; ++k) x = link(x);
  store(result, x);
}

template <index... i>
void read_all(const float* from, index size, float* result, numbers<i...>) noexcept {
  constexpr index count = sizeof...(i);
  F sum[count];
  fill(sum, all(0.0f), numbers<i...>{});
  for (index k = 0; k + count * lanes <= size; k += count * lanes)
    ((sum[i] = add(sum[i], load(from + k + i * lanes))), ...);
  for (index k = 1; k < count; ++k) sum[0] = add(sum[0], sum[k]);
  store(result, sum[0]);
}
}  // namespace detail

using namespace detail;
using std::size_t;

// Arguments and results of functions. Others may see them, so that every store counts.
alignas(64) float in_float[elements], out_float[elements];
alignas(64) double in_double[elements], out_double[elements];

extern "C" size_t lanes_of_register() { return lanes; }

// Many chains of multiply-adds side by side.
extern "C" void time_fma(size_t repeats, size_t bursts, double* ns) {
  timed([&] { many_chains(in_float, out_float, upto<many>{}); }, repeats, bursts, ns);
}

// A chain of multiply-adds, and of additions: each waits for the one before.
extern "C" void time_fma_latency(size_t repeats, size_t bursts, double* ns) {
  const F a = all(half), b = all(half);
  timed([&] { one_chain(out_float, [&](F x) { return fma(x, a, b); }); }, repeats, bursts, ns);
}
extern "C" void time_add_latency(size_t repeats, size_t bursts, double* ns) {
  const F b = all(half);
  timed([&] { one_chain(out_float, [&](F x) { return add(x, b); }); }, repeats, bursts, ns);
}

// An array of so many floats, read in order.
extern "C" void time_reading(const float* from, size_t size, size_t repeats, size_t bursts, double* ns) {
  timed([&] { read_all(from, static_cast<index>(size), out_float, upto<8>{}); }, repeats, bursts, ns);
}
@{probes}
}  // namespace INFERON_ISA
}  // namespace inferon
