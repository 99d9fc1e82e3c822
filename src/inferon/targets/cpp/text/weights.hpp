// The weights of @{name}, as the bits of 32-bit words; the same bytes are in @{name}_weights.bin.
#ifndef INFERON_@{NAME}_WEIGHTS_HPP
#define INFERON_@{NAME}_WEIGHTS_HPP
#include "@{name}.hpp"

namespace inferon {
namespace @{name} {
namespace embedded {
alignas(64) INFERON_HIDDEN constexpr std::uint32_t words[] = {
@{words}
};
}  // namespace embedded

inline namespace INFERON_ISA {
INFERON_HIDDEN Weights embedded_weights() noexcept {
  return Weights{reinterpret_cast<const unsigned char*>(embedded::words)};
}
}  // namespace INFERON_ISA
}  // namespace @{name}
}  // namespace inferon
#endif
