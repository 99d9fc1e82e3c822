// What the rest of a framework sees of the model: no generated code, no instruction set.
#pragma once

#include <cstddef>
#include <memory>

namespace jets {

constexpr std::size_t features = 16, classes = 5;

// The memory that one thread computes in; make one for each thread, once.
class Slot {
 public:
  Slot();
  ~Slot();
  Slot(Slot&&) noexcept;
  Slot& operator=(Slot&&) noexcept;

 private:
  friend class Scorer;
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

// The model: it never changes, and one serves all threads.
class Scorer {
 public:
  // Fills scores[jet][class] from jets[jet][feature]; each jet's bits are the same in any company.
  void operator()(Slot& slot, const float* jets, float* scores, std::size_t count) const noexcept;
};

}  // namespace jets
