// A design in Verilator, as a function on arrays.
#include "V@{name}.h"
#include "verilated.h"

#include <memory>

namespace {

using Top = V@{top};

template <class Port>
void put(Port& port, const std::uint32_t* words) {
    port = static_cast<Port>(words[0]);
    if constexpr (sizeof(Port) == 8) port |= static_cast<Port>(words[1]) << 32;
}

template <std::size_t n>
void put(VlWide<n>& port, const std::uint32_t* words) {
    for (std::size_t i = 0; i < n; ++i) port[i] = words[i];
}

template <class Port>
void get(const Port& port, std::uint32_t* words) {
    words[0] = static_cast<std::uint32_t>(port);
    if constexpr (sizeof(Port) == 8) words[1] = static_cast<std::uint32_t>(port >> 32);
}

template <std::size_t n>
void get(const VlWide<n>& port, std::uint32_t* words) {
    for (std::size_t i = 0; i < n; ++i) words[i] = port[i];
}

bool is_valid(const Top& top) { return top.out_valid != 0; }

void take(const Top& top, std::uint32_t* words) {
@{take}
}

void tick(Top& top, bool reset, bool valid, const std::uint32_t* words) {
    top.rst = reset;
    top.in_valid = valid;
@{put}
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

}  // namespace

#include "drive.hpp"

extern "C" std::size_t simulate(const std::uint32_t* stimulus, std::size_t clocks,
                                std::uint32_t* response) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto top = std::make_unique<Top>(context.get());
    return drive(*top, tick, stimulus, clocks, response);
}
