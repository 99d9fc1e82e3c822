#include "jet_scores.hpp"

#include "tagger_weights.hpp"

namespace jets {

namespace tagger = inferon::tagger;
static_assert(tagger::Meta::in_features_size == features, "another model: other features");
static_assert(tagger::Meta::out_scores_size == classes, "another model: other classes");

struct Slot::Memory {
  tagger::Workspace workspace;
};

Slot::Slot() : memory_(std::make_unique<Memory>()) {}
Slot::~Slot() = default;
Slot::Slot(Slot&&) noexcept = default;
Slot& Slot::operator=(Slot&&) noexcept = default;

void Scorer::operator()(Slot& slot, const float* jets, float* scores, std::size_t count) const noexcept {
  tagger::evaluate_batch(tagger::embedded_weights(), slot.memory_->workspace, jets, scores, count);
}

}  // namespace jets
