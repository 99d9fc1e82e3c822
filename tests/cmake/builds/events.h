/* Events and their hash, the same in C and C++: any bits are an event, also those of a NaN. */
#ifndef EVENTS_H
#define EVENTS_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EVENTS = 24 };

/* Half of the numbers have any bits; the others lie between -2 and 2, so that something is left. */
static inline void make_events(float* x, size_t size) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < size; ++i) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const float small = (float)(int32_t)state * 0x1p-30f;
    if (i / 64 % 2) memcpy(x + i, &state, sizeof state);
    else x[i] = small;
  }
}

/* FNV-1a over the bits of the results; all NaN are one. */
static inline uint64_t hash_of(const float* y, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) {
    uint32_t word;
    memcpy(&word, y + i, sizeof word);
    if (y[i] != y[i]) word = 0x7fc00000u;
    hash = (hash ^ word) * 0x100000001b3u;
  }
  return hash;
}
#endif
