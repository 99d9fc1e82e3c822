// Vectors of 4, 8 and 16 floats behind one interface, and loops that unroll for certain.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <utility>

#define ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__clang__)
#define UNROLL_4 _Pragma("clang loop unroll_count(4)")
#else
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

#if defined(__AVX512F__)
constexpr int kWidest = 16;
#else
constexpr int kWidest = 8;
#endif

template <int W>
struct Lanes;

/// A mask whose first `count` lanes are set, for the loads below; count <= 8.
inline __m256i first_lanes(int count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
}

template <>
struct Lanes<4> {
  using V = __m128;
  static ALWAYS_INLINE V load(const float* p) { return _mm_loadu_ps(p); }
  // The first `count` floats, and -0 in the other lanes: x + -0 is x, for every x.
  static ALWAYS_INLINE V load_some(const float* p, int count) {
    const __m128i mask = _mm256_castsi256_si128(first_lanes(count));
    return _mm_blendv_ps(set(-0.0f), _mm_maskload_ps(p, mask), _mm_castsi128_ps(mask));
  }
  static ALWAYS_INLINE void store(float* p, V v) { _mm_storeu_ps(p, v); }
  static ALWAYS_INLINE V set(float x) { return _mm_set1_ps(x); }
  static ALWAYS_INLINE V add(V a, V b) { return _mm_add_ps(a, b); }
  static ALWAYS_INLINE V fma(V a, V b, V c) { return _mm_fmadd_ps(a, b, c); }
  // maxps returns its second operand for NaN and for two zeros: exactly x < 0 ? 0 : x.
  static ALWAYS_INLINE V relu(V x) { return _mm_max_ps(_mm_setzero_ps(), x); }
};

template <>
struct Lanes<8> {
  using V = __m256;
  static ALWAYS_INLINE V load(const float* p) { return _mm256_loadu_ps(p); }
  static ALWAYS_INLINE V load_some(const float* p, int count) {
    const __m256i mask = first_lanes(count);
    return _mm256_blendv_ps(set(-0.0f), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
  }
  static ALWAYS_INLINE void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  static ALWAYS_INLINE V set(float x) { return _mm256_set1_ps(x); }
  static ALWAYS_INLINE V add(V a, V b) { return _mm256_add_ps(a, b); }
  static ALWAYS_INLINE V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static ALWAYS_INLINE V relu(V x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }
};

#if defined(__AVX512F__)
template <>
struct Lanes<16> {
  using V = __m512;
  static ALWAYS_INLINE V load(const float* p) { return _mm512_loadu_ps(p); }
  static ALWAYS_INLINE V load_some(const float* p, int count) {
    const unsigned lanes = count < 16 ? (1u << count) - 1u : 0xffffu;
    return _mm512_mask_loadu_ps(set(-0.0f), static_cast<__mmask16>(lanes), p);
  }
  static ALWAYS_INLINE void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  static ALWAYS_INLINE V set(float x) { return _mm512_set1_ps(x); }
  static ALWAYS_INLINE V add(V a, V b) { return _mm512_add_ps(a, b); }
  static ALWAYS_INLINE V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static ALWAYS_INLINE V relu(V x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }
};
#endif

/// The narrowest vector that holds n floats, but not wider than the machine's.
constexpr int width_for(int n) {
  int w = 4;
  while (w < n && w < kWidest) w *= 2;
  return w;
}

constexpr int padded(int n) { return (n + width_for(n) - 1) / width_for(n) * width_for(n); }

template <int I>
using Index = std::integral_constant<int, I>;

template <class F, int... I>
ALWAYS_INLINE void unroll_each(F&& f, std::integer_sequence<int, I...>) {
  (f(Index<I>{}), ...);
}

/// f(Index<0>), f(Index<1>), ...: constant indices, so that small arrays become registers.
template <int N, class F>
ALWAYS_INLINE void unroll(F&& f) {
  unroll_each(f, std::make_integer_sequence<int, N>{});
}
