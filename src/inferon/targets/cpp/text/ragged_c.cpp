int @{name}_evaluate_ragged(void* workspace, const int64_t* offsets, @{ports}, size_t events) {
  auto& scratch = *static_cast<inferon::@{name}::Workspace*>(workspace);
  inferon::@{name}::evaluate_ragged(inferon::@{name}::embedded_weights(), scratch, offsets, @{passed}, events);
  return 0;
}

