// Every model behind one interface, from the list in models.h.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "events.h"
#include "models.h"

#define USE(m)                                                                        \
  struct use_##m {                                                                    \
    using Workspace = inferon::m::Workspace;                                          \
    static constexpr const char* name = #m;                                           \
    static constexpr std::size_t in = inferon::m::Meta::in_x_size;                    \
    static constexpr std::size_t out = inferon::m::Meta::out_y_size;                  \
    static void alone(Workspace& scratch, const float* x, float* y) {                 \
      inferon::m::evaluate(inferon::m::embedded_weights(), scratch, x, y);            \
    }                                                                                 \
    static void batch(Workspace& scratch, const float* x, float* y, std::size_t n) {  \
      inferon::m::evaluate_batch(inferon::m::embedded_weights(), scratch, x, y, n);   \
    }                                                                                 \
  };
FOR_EACH_MODEL(USE)
#undef USE

// The hash of all events, evaluated alone from the one at `first` on, and then in one batch.
template <class Use>
std::uint64_t hash_from(std::size_t first) {
  std::vector<float> x(EVENTS * Use::in), y(EVENTS * Use::out), z(EVENTS * Use::out);
  const auto scratch = std::make_unique<typename Use::Workspace>();
  make_events(x.data(), x.size());
  for (std::size_t i = 0; i < EVENTS; ++i) {
    const std::size_t event = (first + i) % EVENTS;
    Use::alone(*scratch, &x[event * Use::in], &y[event * Use::out]);
  }
  Use::batch(*scratch, x.data(), z.data(), EVENTS);
  const std::uint64_t alone = hash_of(y.data(), y.size()), batch = hash_of(z.data(), z.size());
  return alone == batch ? alone : 0;
}
