// Computes the golden events, again and again, one by one and as a batch: exit code 0 when every bit agrees.
#include <cstdio>
#include <cstring>

#include "@{name}_golden.hpp"
#include "@{name}_weights.hpp"

static constexpr int golden_events = @{golden_events}, events = @{events};
static inferon::@{name}::Workspace workspace;
@{arrays}

// Counts elements whose bits differ; two NaNs agree whatever their payload.
template <class T, class U>
static int differences(const char* what, int event, const T* got, const U* expected, int size) {
  static_assert(sizeof(T) == sizeof(U), "same width");
  int wrong = 0;
  for (int i = 0; i < size; ++i) {
    T value;
    std::memcpy(&value, expected + event % golden_events * size + i, sizeof value);
    const T& mine = got[event * size + i];
    const bool both_nan = value != value && mine != mine;
    if (!both_nan && std::memcmp(&mine, &value, sizeof value) != 0) ++wrong;
  }
  if (wrong) std::printf("%s, event %d: %d of %d differ\n", what, event, wrong, size);
  return wrong;
}

static int compare(const char* how) {
  int wrong = 0;
  std::printf("@{name}, events %s\n", how);
  for (int event = 0; event < events; ++event) {
@{comparisons}
  }
  return wrong;
}

int main() {
  const auto weights = inferon::@{name}::embedded_weights();
  for (int event = 0; event < events; ++event) {
@{inputs}
    inferon::@{name}::evaluate(weights, workspace, @{alone});
  }
  int wrong = compare("one by one");
@{cleared}
  inferon::@{name}::evaluate_batch(weights, workspace, @{passed}, events);
  wrong += compare("in a batch");
  std::printf("%s\n", wrong ? "bits differ" : "every bit agrees");
  return wrong ? 1 : 0;
}
