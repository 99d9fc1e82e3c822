// A design in Yosys CXXRTL, as a function on arrays.
#include "design.cc"

#include <memory>

namespace {

using Top = cxxrtl_design::@{top};

template <std::size_t bits>
void put(cxxrtl::value<bits>& port, const std::uint32_t* words) {
    for (std::size_t i = 0; i < cxxrtl::value<bits>::chunks; ++i) port.data[i] = words[i];
}

template <class Port>
void get(const Port& port, std::uint32_t* words) {
    for (std::size_t i = 0; i < Port::chunks; ++i) words[i] = port.data[i];
}

template <std::size_t bits>
void get(const cxxrtl::wire<bits>& port, std::uint32_t* words) {
    get(port.curr, words);
}

bool is_valid(const Top& top) {
    std::uint32_t word = 0;
    get(top.p_out__valid, &word);
    return word != 0;
}

void take(const Top& top, std::uint32_t* words) {
@{take}
}

void tick(Top& top, bool reset, bool valid, const std::uint32_t* words) {
    top.p_rst.data[0] = reset;
    top.p_in__valid.data[0] = valid;
@{put}
    top.p_clk.data[0] = 0;
    top.step();
    top.p_clk.data[0] = 1;
    top.step();
}

}  // namespace

#include "drive.hpp"

extern "C" std::size_t simulate(const std::uint32_t* stimulus, std::size_t clocks,
                                std::uint32_t* response) {
    const auto top = std::make_unique<Top>();
    return drive(*top, tick, stimulus, clocks, response);
}
