// The test bench of @{name}: golden events of the reference interpreter, every bit compared.
#include <cstdio>

#include "@{name}.h"
#include "@{name}_bits.h"
#include "@{name}_golden.h"

template <class Element, class Word>
static int differences(const char* port, int event, const Element* got, const Word* wanted, int size) {
  int wrong = 0;
  for (int i = 0; i < size; ++i) {
    if (static_cast<Word>(@{scope}::word(got[i])) == wanted[i]) continue;
    std::printf("%s[%d] of event %d is %lld, expected %lld\n", port, i, event,
                static_cast<long long>(@{scope}::word(got[i])), static_cast<long long>(wanted[i]));
    ++wrong;
  }
  return wrong;
}

int main() {
  int wrong = 0;
  for (int event = 0; event < @{events}; ++event) {
@{inputs}
@{outputs}
    @{name}_top(@{passed});
@{comparisons}
  }
  std::printf("@{name}: %d of @{elements} values differ\n", wrong);
  return wrong == 0 ? 0 : 1;
}
