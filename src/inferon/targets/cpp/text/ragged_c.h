/* The same for sets of any size: event i has the rows offsets[i] to offsets[i + 1]. */
int @{name}_evaluate_ragged(void* workspace, const int64_t* offsets, @{ports}, size_t events);
