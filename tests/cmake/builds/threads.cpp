// Evaluates every model from eight threads at once; prints one hash for each model.
#include <atomic>
#include <thread>

#include "use.hpp"

#define DECLARE(m) std::uint64_t m##_elsewhere();
FOR_EACH_MODEL(DECLARE)

constexpr std::size_t threads = 8;

template <class Use>
bool agrees(std::uint64_t elsewhere) {
  std::uint64_t hashes[threads] = {};
  std::atomic<bool> go{false};
  std::vector<std::thread> team;
  for (std::size_t t = 0; t < threads; ++t)
    team.emplace_back([&hashes, &go, t] {
      while (!go) std::this_thread::yield();
      hashes[t] = hash_from<Use>(t * EVENTS / threads);
    });
  go = true;
  for (auto& each : team) each.join();
  bool same = elsewhere != 0;
  for (const auto hash : hashes) same = same && hash == elsewhere;
  std::printf("%s %016llx%s\n", Use::name, static_cast<unsigned long long>(hashes[0]),
              same ? "" : " differs");
  return same;
}

int main() {
  bool same = true;
#define AGREES(m) same = agrees<use_##m>(m##_elsewhere()) && same;
  FOR_EACH_MODEL(AGREES)
  return same ? 0 : 1;
}
