// The candidates: which element goes to which strand, and how strands are joined.
#pragma once
#include "lanes.hpp"

/// C strands over K elements. Strided: element k is in strand k mod C. Contiguous: strand c holds one
/// of C ranges of ceil(K / C) elements, the last ones shorter or empty. BiasStart is not a candidate:
/// a chain that begins with the bias saves an addition, and only the free order may do so.
template <int C, bool Strided, bool BiasStart = false>
struct Order {
  static constexpr int strands = C;
  static constexpr bool bias_start = BiasStart;

  static constexpr int range(int k) { return (k + C - 1) / C; }
  static constexpr int count(int strand, int k) {
    if (Strided) return strand < k ? (k - strand + C - 1) / C : 0;
    const int left = k - strand * range(k);
    return left < 0 ? 0 : (left < range(k) ? left : range(k));
  }
  static constexpr int element(int strand, int i, int k) {
    return Strided ? strand + i * C : strand * range(k) + i;
  }
};

/// Join by halves: s[i] + s[i + n/2], until one is left.
template <int N, class L>
ALWAYS_INLINE typename L::V join_halves(typename L::V (&s)[N]) {
  if constexpr (N >= 2) unroll<N / 2>([&](auto i) { s[i] = L::add(s[i], s[i + N / 2]); });
  if constexpr (N >= 4) unroll<N / 4>([&](auto i) { s[i] = L::add(s[i], s[i + N / 4]); });
  if constexpr (N >= 8) unroll<N / 8>([&](auto i) { s[i] = L::add(s[i], s[i + N / 8]); });
  if constexpr (N >= 16) unroll<N / 16>([&](auto i) { s[i] = L::add(s[i], s[i + N / 16]); });
  return s[0];
}
