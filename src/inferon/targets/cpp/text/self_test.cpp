// Computes the golden events one by one and as a batch: exit code 0 when every bit agrees.
#include <cstdio>
#include <cstring>

#include "@{name}_golden.hpp"
#include "@{name}_weights.hpp"

static inferon::@{name}::Workspace workspace;
@{results}

// Counts elements whose bits differ; two NaNs agree whatever their payload.
template <class T, class U>
static int differences(const char* what, const T* got, const U* expected, int size) {
  static_assert(sizeof(T) == sizeof(U), "same width");
  int wrong = 0;
  for (int i = 0; i < size; ++i) {
    T value;
    std::memcpy(&value, expected + i, sizeof value);
    const bool both_nan = value != value && got[i] != got[i];
    if (!both_nan && std::memcmp(got + i, &value, sizeof value) != 0) ++wrong;
  }
  if (wrong) std::printf("%s: %d of %d differ\n", what, wrong, size);
  return wrong;
}

static int compare(const char* how) {
  int wrong = 0;
  std::printf("@{name}, events %s\n", how);
@{comparisons}
  return wrong;
}

int main() {
  const auto weights = inferon::@{name}::embedded_weights();
@{inputs}
  for (int event = 0; event < @{events}; ++event)
    inferon::@{name}::evaluate(weights, workspace, @{alone});
  int wrong = compare("one by one");
@{cleared}
  inferon::@{name}::evaluate_batch(weights, workspace, @{passed}, @{events});
  wrong += compare("in a batch");
  std::printf("%s\n", wrong ? "bits differ" : "every bit agrees");
  return wrong ? 1 : 0;
}
