// Drives a simulated design: @{name}. One record a clock: whether it brings an event, then the words
// of the input ports. For each valid output a record of the output ports' words comes back.
#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t input_words = @{input_words};
constexpr std::size_t output_words = @{output_words};
constexpr std::size_t latency = @{latency};

template <class Top, class Tick>
std::size_t drive(Top& top, Tick tick, const std::uint32_t* stimulus, std::size_t clocks,
                  std::uint32_t* response) {
    std::size_t found = 0;
    const std::uint32_t none[input_words + 1] = {};
    for (int i = 0; i < 2; ++i) tick(top, true, false, none);
    for (std::size_t clock = 0; clock < clocks + latency; ++clock) {
        const bool more = clock < clocks;
        const std::uint32_t* record = more ? stimulus + clock * (input_words + 1) : none;
        tick(top, false, record[0] != 0, record + 1);
        if (is_valid(top)) {
            take(top, response + found * output_words);
            ++found;
        }
    }
    return found;
}

}  // namespace
