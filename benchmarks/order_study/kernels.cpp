// The table of kernels and the stopwatch: what the runner calls through ctypes.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "models.hpp"

// The table is built in parts, to be compiled one by one: 0 mlp12, 1 mlp256, 2 deepsets, 3 the rest.
#ifndef PART
#error "compile with -DPART=0 .. 3"
#endif

namespace {

struct Kernel {
  std::string problem, layout, order, schedule;
  int events, inputs, outputs;  // inputs and outputs of one event
  void (*setup)(Packed*, const float*);
  void (*run)(const Packed*, const float*, float*);
  Packed packed[5];
};

std::vector<Kernel>& table() {
  static std::vector<Kernel> kernels;
  return kernels;
}

template <class K>
void add(const std::string& problem, const char* layout, const std::string& order,
         const std::string& schedule, int inputs, int outputs) {
  table().push_back(
      {problem, layout, order, schedule, K::events, inputs, outputs, K::setup, K::run, {}});
}

template <class O>
std::string name_of() {
  return std::string(O::bias_start ? "free" : "") + std::to_string(O::strands) +
         (O::strands == 1 ? "" : O::element(1, 0, 64) == 1 ? "s" : "c");
}

template <class S>
std::string schedule_name() {
  return std::to_string(S::rows) + "x" + std::to_string(S::tile) + " " +
         (S::at_once ? "at once" : "in turn");
}

template <class O, class S, bool EventsInLanes>
void add_mlp() {
  const char* layout = EventsInLanes || S::rows > 1 ? "batch" : "one";
  const std::string s = (EventsInLanes ? "lanes " : "rows ") + schedule_name<S>();
#if PART == 0
  add<MlpKernel<O, S, EventsInLanes, 12, 32, 16, 8, 1>>("mlp12", layout, name_of<O>(), s, 12, 1);
#else
  add<MlpKernel<O, S, EventsInLanes, 256, 256, 256, 10>>("mlp256", layout, name_of<O>(), s, 256,
                                                         10);
#endif
}

template <class O>
void add_mlp_schedules() {
  constexpr int C = O::strands;
  add_mlp<O, Schedule<1, 1, true>, false>();
  add_mlp<O, Schedule<1, 2, true>, false>();
  if constexpr (C <= 4) add_mlp<O, Schedule<1, 4, true>, false>();
  if constexpr (C <= 2) add_mlp<O, Schedule<1, 8, true>, false>();
  add_mlp<O, Schedule<4, 2, false>, false>();
  add_mlp<O, Schedule<8, 2, false>, false>();
  add_mlp<O, Schedule<1, 8, false>, true>();
  if constexpr (C == 1) add_mlp<O, Schedule<1, 16, false>, true>();
  if constexpr (C == 2) add_mlp<O, Schedule<4, 2, true>, false>();
  if constexpr (C == 2 || C == 4) {
    add_mlp<O, Schedule<2, 2, true>, false>();
    add_mlp<O, Schedule<1, 16 / C, true>, true>();
    add_mlp<O, Schedule<1, 8 / C, true>, true>();
  }
}

template <class Phi, class Head, int SumStrands>
void add_deep_sets() {
  const std::string order =
      name_of<Phi>() + "," + name_of<Head>() + "," + std::to_string(SumStrands);
  using Narrow = Schedule<4, 2, false>;
  using Tall = Schedule<8, 2, false>;
  using One = Schedule<1, 2, true>;
  using Lanes = Schedule<1, 8, false>;
  add<DeepSetsKernel<Phi, Head, SumStrands, Narrow, One>>("deepsets", "one", order, "4x2", 450, 5);
  add<DeepSetsKernel<Phi, Head, SumStrands, Tall, One>>("deepsets", "one", order, "8x2", 450, 5);
  if constexpr (Phi::strands > 1) {
    using AtOnce = Schedule<8 / Phi::strands, 2, true>;
    add<DeepSetsKernel<Phi, Head, SumStrands, AtOnce, One>>("deepsets", "one", order, "at once",
                                                            450, 5);
  }
  add<DeepSetsKernel<Phi, Head, SumStrands, Narrow, Narrow>>("deepsets", "batch", order, "4x2",
                                                             450, 5);
  add<DeepSetsKernel<Phi, Head, SumStrands, Tall, Tall>>("deepsets", "batch", order, "8x2", 450,
                                                         5);
  add<DeepSetsLanesKernel<Phi, Head, SumStrands, Lanes>>("deepsets", "batch", order, "lanes", 450,
                                                         5);
}

template <int Strands, int K>
void add_sums(const char* across, const char* along, const char* single) {
  const std::string order = std::to_string(Strands);
  add<SumAcross<Strands, K, 1>>(across, "one", order, "tile 1", 64 * K, 64);
  add<SumAcross<Strands, K, 2>>(across, "one", order, "tile 2", 64 * K, 64);
  add<SumAcross<Strands, K, 4>>(across, "one", order, "tile 4", 64 * K, 64);
  add<SumAlong<Strands, K, 1>>(along, "one", order, "rows 1", 64 * K, 64);
  add<SumAlong<Strands, K, 4>>(along, "one", order, "rows 4", 64 * K, 64);
  add<SumAlong<Strands, K, 8>>(along, "one", order, "rows 8", 64 * K, 64);
  add<SumAlong<Strands, K, 1, 1>>(single, "one", order, "one row", K, 1);
}

template <int K>
void add_all_sums(const char* across, const char* along, const char* single) {
  add_sums<1, K>(across, along, single);
  add_sums<4, K>(across, along, single);
  add_sums<8, K>(across, along, single);
  add_sums<16, K>(across, along, single);
  add<SumPlain<K, false>>(across, "one", "free", "plain", 64 * K, 64);
  add<SumPlain<K, true>>(along, "one", "free", "plain", 64 * K, 64);
}

template <class O, int M>
void add_few_rows() {
  const std::string m = std::to_string(M) + "rows";
  add<FewRows<O, M, 16, 16, 1>>(m + "16", "one", name_of<O>(), "v1", M * 16, M * 16);
  add<FewRows<O, M, 32, 32, 1>>(m + "32", "one", name_of<O>(), "v1", M * 32, M * 32);
  add<FewRows<O, M, 64, 64, 1>>(m + "64", "one", name_of<O>(), "v1", M * 64, M * 64);
  if constexpr (M * O::strands * 2 <= 16) {
    add<FewRows<O, M, 32, 32, 2>>(m + "32", "one", name_of<O>(), "v2", M * 32, M * 32);
    add<FewRows<O, M, 64, 64, 2>>(m + "64", "one", name_of<O>(), "v2", M * 64, M * 64);
  }
  if constexpr (M * O::strands * 3 <= 12)
    add<FewRows<O, M, 64, 64, 3>>(m + "64", "one", name_of<O>(), "v3", M * 64, M * 64);
  if constexpr (M * O::strands * 4 <= 16)
    add<FewRows<O, M, 64, 64, 4>>(m + "64", "one", name_of<O>(), "v4", M * 64, M * 64);
  if constexpr (M * O::strands * 8 <= 16)
    add<FewRows<O, M, 64, 64, 8>>(m + "64", "one", name_of<O>(), "v8", M * 64, M * 64);
}

template <int M>
void add_few_rows_orders() {
  add_few_rows<Order<1, true>, M>();
  add_few_rows<Order<2, true>, M>();
  add_few_rows<Order<4, true>, M>();
}

void fill() {
#if PART <= 1
  add_mlp_schedules<Order<1, true>>();
  add_mlp_schedules<Order<2, true>>();
  add_mlp_schedules<Order<2, false>>();
  add_mlp_schedules<Order<4, true>>();
  add_mlp_schedules<Order<4, false>>();
  add_mlp_schedules<Order<8, true>>();
  add_mlp_schedules<Order<1, true, true>>();
  add_mlp_schedules<Order<4, true, true>>();
#elif PART == 2
  add_deep_sets<Order<1, true>, Order<1, true>, 1>();
  add_deep_sets<Order<1, true>, Order<4, true>, 1>();
  add_deep_sets<Order<1, true>, Order<4, true>, 8>();
  add_deep_sets<Order<1, true>, Order<4, true>, 16>();
  add_deep_sets<Order<2, true>, Order<2, true>, 8>();
  add_deep_sets<Order<4, true>, Order<4, true>, 8>();
  add_deep_sets<Order<1, true, true>, Order<4, true, true>, 8>();
#else
  add_all_sums<150>("sum150 across", "sum150 along", "sum150 single");
  add_all_sums<32>("sum32 across", "sum32 along", "sum32 single");
  add_few_rows_orders<1>();
  add_few_rows_orders<2>();
  add_few_rows_orders<4>();
  add_few_rows_orders<8>();
  add<RuntimeLength<1, true>>("runtime150", "one", "1", "", 256, 16);
  add<RuntimeLength<2, true>>("runtime150", "one", "2s", "", 256, 16);
  add<RuntimeLength<2, false>>("runtime150", "one", "2c", "", 256, 16);
  add<RuntimeLength<4, true>>("runtime150", "one", "4s", "", 256, 16);
  add<RuntimeLength<4, false>>("runtime150", "one", "4c", "", 256, 16);
#endif
}

}  // namespace

extern "C" {

int kernel_count() {
  if (table().empty()) fill();
  return static_cast<int>(table().size());
}

/// 0 problem, 1 layout, 2 order, 3 schedule.
const char* kernel_text(int i, int what) {
  const Kernel& k = table()[i];
  const std::string* texts[] = {&k.problem, &k.layout, &k.order, &k.schedule};
  return texts[what]->c_str();
}

int kernel_number(int i, int what) {
  const Kernel& k = table()[i];
  const int numbers[] = {k.events, k.inputs, k.outputs};
  return numbers[what];
}

void kernel_setup(int i, const float* raw) { table()[i].setup(table()[i].packed, raw); }

/// All kBatch events, whatever the kernel's own number is.
void kernel_run(int i, const float* x, float* y) {
  const Kernel& k = table()[i];
  for (int event = 0; event < kBatch; event += k.events)
    k.run(k.packed, x + event * k.inputs, y + event * k.outputs);
}

/// Nanoseconds per event. If dependent, a call cannot begin before the last one's first output is
/// known, as for a trigger that decides on it; else neighboring calls may overlap.
double kernel_burst(int i, const float* x, float* y, int calls, int dependent) {
  const Kernel& k = table()[i];
  const int turns = k.events == 1 ? 8 : 1;
  std::intptr_t shift = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int call = 0; call < calls; ++call) {
    k.run(k.packed, x + (call % turns) * k.inputs + shift, y);
    if (dependent) {
      std::uint32_t bits;
      std::memcpy(&bits, y, sizeof bits);
      asm volatile("and $0, %0" : "+r"(bits));  // zero, but the processor has to wait for it
      shift = bits;
    }
    asm volatile("" ::: "memory");
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / (static_cast<double>(calls) * k.events);
}
}
