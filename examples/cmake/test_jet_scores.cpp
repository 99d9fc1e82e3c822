// Eight threads on one model, each with a slot and with batches of its own size, have the bits of one.
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "jet_scores.hpp"

constexpr std::size_t jets_in_all = 1000, threads = 8;

static std::vector<float> some_jets() {
  std::vector<float> values(jets_in_all * jets::features);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 101) / 25.0f - 2.0f;
  return values;
}

static std::vector<float> scored(const jets::Scorer& scorer, const std::vector<float>& jets, std::size_t batch) {
  jets::Slot slot;
  std::vector<float> scores(jets_in_all * jets::classes);
  for (std::size_t first = 0; first < jets_in_all; first += batch) {
    const std::size_t count = first + batch < jets_in_all ? batch : jets_in_all - first;
    scorer(slot, jets.data() + first * jets::features, scores.data() + first * jets::classes, count);
  }
  return scores;
}

int main() {
  const jets::Scorer scorer;
  const std::vector<float> jets = some_jets(), expected = scored(scorer, jets, 1);
  std::vector<std::vector<float>> found(threads);
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t)
    running.emplace_back([&, t] { found[t] = scored(scorer, jets, 1 + 13 * t); });
  for (auto& thread : running) thread.join();
  int wrong = 0;
  for (const auto& scores : found)
    wrong += std::memcmp(scores.data(), expected.data(), expected.size() * sizeof(float)) != 0;
  std::printf("%d of %zu threads differ; first score %a\n", wrong, threads, static_cast<double>(expected[0]));
  return wrong ? 1 : 0;
}
