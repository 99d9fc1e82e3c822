// @{name} in the forms that frameworks call: a functor for data frames, a map from names to values, vectors of floats.
// Nothing but the standard library. Unlike the model itself these allocate, and throw where what they are given does not fit.
#ifndef INFERON_@{NAME}_ADAPTERS_HPP
#define INFERON_@{NAME}_ADAPTERS_HPP
#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "@{name}_weights.hpp"

namespace inferon {
namespace @{name} {
inline namespace INFERON_ISA {
namespace adapters {

using Value = @{value};

// What the elements of all inputs, and of all outputs, are called, in their order.
INFERON_HIDDEN constexpr std::array<const char*, @{inputs}> input_names = {{
@{input_names}
}};
INFERON_HIDDEN constexpr std::array<const char*, @{outputs}> output_names = {{
@{output_names}
}};
using Inputs = std::array<Value, @{inputs}>;
using Outputs = std::array<Value, @{outputs}>;

// One event; from any thread.
INFERON_HIDDEN Outputs evaluate(const Inputs& in) noexcept {
  Outputs out;
  @{storage}Workspace workspace;
  inferon::@{name}::evaluate(embedded_weights(), workspace, @{flat});
  return out;
}

// ------------------------------------------------------------------------------------ data frames

// What a column of a data frame holds.
using Result = @{result};
INFERON_HIDDEN Result result_of(const Outputs& out) { return @{returned}; }

template <std::size_t>
using Each = Value;
template <class>
struct OfScalars;
template <std::size_t... k>
struct OfScalars<std::index_sequence<k...>> {
  INFERON_HIDDEN Result operator()(Each<k>... in) const { return result_of(evaluate(Inputs{in...})); }
};

// A functor of one number for each element: frame.Define("score", Functor{}, columns), where the columns are those of
// input_names or your own in that order.
using Functor = OfScalars<std::make_index_sequence<@{inputs}>>;

// The same of one vector with all elements, such as std::vector<float> or ROOT::RVec<float>.
template <class Vector>
struct VectorFunctor {
  INFERON_HIDDEN Result operator()(const Vector& in) const {
    if (in.size() != @{inputs})
      throw std::invalid_argument("@{name}: a vector of " + std::to_string(in.size()) + " values, not @{inputs}");
    Inputs all;
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = static_cast<Value>(in[k]);
    return result_of(evaluate(all));
  }
};

// ------------------------------------------------------------------------------------ names to values

using ValueMap = std::map<std::string, double>;

// One event by the names of its elements; names that the model does not know are left alone.
INFERON_HIDDEN ValueMap compute(const ValueMap& values) {
  Inputs in;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto found = values.find(input_names[k]);
    if (found == values.end()) throw std::out_of_range(std::string("@{name}: no value for ") + input_names[k]);
    in[k] = static_cast<Value>(found->second);
  }
  const Outputs out = evaluate(in);
  ValueMap results;
  for (std::size_t k = 0; k < out.size(); ++k) results[output_names[k]] = static_cast<double>(out[k]);
  return results;
}

// ------------------------------------------------------------------------------------ vectors

using ValueArrays = std::vector<std::vector<Value>>;

// A batch of events: a vector for each input and each output, with the events one behind the other.
INFERON_HIDDEN ValueArrays run(const ValueArrays& in, std::size_t events = 1) {
  constexpr std::array<std::size_t, @{arrays_in}> sizes = {{@{sizes_in}}};
  if (in.size() != sizes.size())
    throw std::invalid_argument("@{name}: " + std::to_string(in.size()) + " inputs, not @{arrays_in}");
  for (std::size_t k = 0; k < sizes.size(); ++k)
    if (in[k].size() != events * sizes[k])
      throw std::invalid_argument("@{name}: input " + std::to_string(k) + " has " + std::to_string(in[k].size()) +
                                  " values, not " + std::to_string(events) + " x " + std::to_string(sizes[k]));
  ValueArrays out;
  for (const std::size_t size : {@{sizes_out}}) out.emplace_back(events * size);
  @{storage}Workspace workspace;
  evaluate_batch(embedded_weights(), workspace, @{batch}, events);
  return out;
}

}  // namespace adapters
}  // namespace INFERON_ISA
}  // namespace @{name}
}  // namespace inferon
#endif
