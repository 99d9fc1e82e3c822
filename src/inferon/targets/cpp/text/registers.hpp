// ------------------------------------------------------------------------------------------- registers
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define INFERON_LANES 16
constexpr index lanes = 16, tile_registers = 16;

struct F { __m512 v; };
struct I { __m512i v; };
struct M { __mmask16 v; };

// The unmasked forms of some instructions start from an undefined register, of which g++ 12 warns.
constexpr __mmask16 every = 0xffff;

INFERON_INLINE F opaque(F x) noexcept {
  __asm__("" : "+v"(x.v));
  return x;
}
INFERON_INLINE F all(float x) noexcept { return {_mm512_set1_ps(x)}; }
INFERON_INLINE I all(std::int32_t x) noexcept { return {_mm512_set1_epi32(x)}; }
INFERON_INLINE M all(bool x) noexcept { return {static_cast<__mmask16>(x ? 0xffff : 0)}; }
INFERON_INLINE F load(const float* p) noexcept { return {_mm512_loadu_ps(p)}; }
INFERON_INLINE I load(const std::int32_t* p) noexcept { return {_mm512_loadu_si512(p)}; }
INFERON_INLINE M load(const bool* p) noexcept {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm_test_epi8_mask(x, x)};
}
INFERON_INLINE void store(float* p, F x) noexcept { _mm512_storeu_ps(p, x.v); }
INFERON_INLINE void store(std::int32_t* p, I x) noexcept { _mm512_storeu_si512(p, x.v); }
INFERON_INLINE void store(bool* p, M x) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_maskz_set1_epi8(x.v, 1));
}
INFERON_INLINE __mmask16 first(index n) noexcept { return static_cast<__mmask16>((1u << n) - 1); }
INFERON_INLINE F load(const float* p, index n, float rest) noexcept {
  return {_mm512_mask_loadu_ps(_mm512_set1_ps(rest), first(n), p)};
}
INFERON_INLINE F load(const float* p, index n) noexcept { return {_mm512_maskz_loadu_ps(first(n), p)}; }
INFERON_INLINE I load(const std::int32_t* p, index n) noexcept { return {_mm512_maskz_loadu_epi32(first(n), p)}; }
INFERON_INLINE M load(const bool* p, index n) noexcept {
  const __m128i x = _mm_maskz_loadu_epi8(first(n), p);
  return {_mm_test_epi8_mask(x, x)};
}
INFERON_INLINE void store(float* p, F x, index n) noexcept { _mm512_mask_storeu_ps(p, first(n), x.v); }
INFERON_INLINE void store(std::int32_t* p, I x, index n) noexcept { _mm512_mask_storeu_epi32(p, first(n), x.v); }
INFERON_INLINE void store(bool* p, M x, index n) noexcept {
  _mm_mask_storeu_epi8(p, first(n), _mm_maskz_set1_epi8(x.v, 1));
}
INFERON_INLINE F add(F a, F b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
INFERON_INLINE F sub(F a, F b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
INFERON_INLINE F mul(F a, F b) noexcept { return opaque(F{_mm512_mul_ps(a.v, b.v)}); }
INFERON_INLINE F div(F a, F b) noexcept { return {_mm512_div_ps(a.v, b.v)}; }
INFERON_INLINE F fma(F a, F b, F c) noexcept { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
INFERON_INLINE F root(F a) noexcept { return {_mm512_maskz_sqrt_ps(every, a.v)}; }
INFERON_INLINE F round_even(F a) noexcept { return {_mm512_maskz_roundscale_ps(every, a.v, 8)}; }
INFERON_INLINE F round_down(F a) noexcept { return {_mm512_maskz_roundscale_ps(every, a.v, 9)}; }
INFERON_INLINE F neg(F a) noexcept { return {_mm512_maskz_xor_ps(every, a.v, _mm512_set1_ps(-0.0f))}; }
INFERON_INLINE F absolute(F a) noexcept { return {_mm512_maskz_andnot_ps(every, _mm512_set1_ps(-0.0f), a.v)}; }
INFERON_INLINE M less(F a, F b) noexcept { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
INFERON_INLINE M less_equal(F a, F b) noexcept { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
INFERON_INLINE M equal(F a, F b) noexcept { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
INFERON_INLINE M unordered(F a) noexcept { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
INFERON_INLINE M less(I a, I b) noexcept { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
INFERON_INLINE M less_equal(I a, I b) noexcept { return {_mm512_cmple_epi32_mask(a.v, b.v)}; }
INFERON_INLINE M equal(I a, I b) noexcept { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
INFERON_INLINE F select(M c, F a, F b) noexcept { return {_mm512_mask_blend_ps(c.v, b.v, a.v)}; }
INFERON_INLINE I select(M c, I a, I b) noexcept { return {_mm512_mask_blend_epi32(c.v, b.v, a.v)}; }
INFERON_INLINE M both(M a, M b) noexcept { return {static_cast<__mmask16>(a.v & b.v)}; }
INFERON_INLINE M either(M a, M b) noexcept { return {static_cast<__mmask16>(a.v | b.v)}; }
INFERON_INLINE M opposite(M a) noexcept { return {static_cast<__mmask16>(~a.v)}; }
INFERON_INLINE I add(I a, I b) noexcept { return {_mm512_add_epi32(a.v, b.v)}; }
INFERON_INLINE I sub(I a, I b) noexcept { return {_mm512_sub_epi32(a.v, b.v)}; }
INFERON_INLINE I mul(I a, I b) noexcept { return {_mm512_maskz_mullo_epi32(every, a.v, b.v)}; }
INFERON_INLINE I absolute(I a) noexcept { return {_mm512_maskz_abs_epi32(every, a.v)}; }
INFERON_INLINE I bit_and(I a, I b) noexcept { return {_mm512_and_si512(a.v, b.v)}; }
INFERON_INLINE I bit_or(I a, I b) noexcept { return {_mm512_or_si512(a.v, b.v)}; }
INFERON_INLINE I bit_xor(I a, I b) noexcept { return {_mm512_xor_si512(a.v, b.v)}; }
template <int bits>
INFERON_INLINE I shift_left(I a) noexcept {
  return {_mm512_maskz_slli_epi32(every, a.v, bits)};
}
template <int bits>
INFERON_INLINE I shift_right(I a) noexcept {
  return {_mm512_maskz_srai_epi32(every, a.v, bits)};
}
INFERON_INLINE I float_bits(F a) noexcept { return {_mm512_castps_si512(a.v)}; }
INFERON_INLINE F bits_float(I a) noexcept { return {_mm512_castsi512_ps(a.v)}; }
INFERON_INLINE F to_float(I a) noexcept { return {_mm512_maskz_cvtepi32_ps(every, a.v)}; }
INFERON_INLINE I to_int(F a) noexcept {
  const I inside{_mm512_maskz_cvttps_epi32(every, a.v)};
  const I capped = select(less_equal(all(0x1p31f), a), all(INT32_MAX), inside);
  return select(unordered(a), all(0), capped);
}
// The maximum of x86 gives its second operand where either is NaN and where both are zero.
INFERON_INLINE F rectified(F a) noexcept { return {_mm512_maskz_max_ps(every, _mm512_setzero_ps(), a.v)}; }
INFERON_INLINE F at_least(F a, F low) noexcept { return {_mm512_maskz_max_ps(every, low.v, a.v)}; }
INFERON_INLINE I smaller(I a, I b) noexcept { return {_mm512_maskz_min_epi32(every, a.v, b.v)}; }
INFERON_INLINE F larger(F a, F b) noexcept { return select(unordered(a), a, F{_mm512_maskz_max_ps(every, a.v, b.v)}); }
INFERON_INLINE F smaller(F a, F b) noexcept { return select(unordered(a), a, F{_mm512_maskz_min_ps(every, a.v, b.v)}); }
// Two registers, lane by lane: a0 b0 a1 b1 ..., from the first half of both and from the second.
INFERON_INLINE F zip_first(F a, F b) noexcept {
  const __m512i places = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return {_mm512_permutex2var_ps(a.v, places, b.v)};
}
INFERON_INLINE F zip_last(F a, F b) noexcept {
  const __m512i places = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
  return {_mm512_permutex2var_ps(a.v, places, b.v)};
}
// a0 a2 ... b0 b2 ...
INFERON_INLINE F evens(F a, F b) noexcept {
  const __m512i places = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  return {_mm512_permutex2var_ps(a.v, places, b.v)};
}
#elif defined(__AVX2__) && defined(__FMA__)
#define INFERON_LANES 8
constexpr index lanes = 8, tile_registers = 12;

struct F { __m256 v; };
struct I { __m256i v; };
struct M { __m256i v; };

INFERON_INLINE F opaque(F x) noexcept {
  __asm__("" : "+x"(x.v));
  return x;
}
INFERON_INLINE F all(float x) noexcept { return {_mm256_set1_ps(x)}; }
INFERON_INLINE I all(std::int32_t x) noexcept { return {_mm256_set1_epi32(x)}; }
INFERON_INLINE M all(bool x) noexcept { return {_mm256_set1_epi32(x ? -1 : 0)}; }
INFERON_INLINE F load(const float* p) noexcept { return {_mm256_loadu_ps(p)}; }
INFERON_INLINE I load(const std::int32_t* p) noexcept {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
INFERON_INLINE M load(const bool* p) noexcept {
  const __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_sub_epi32(_mm256_setzero_si256(), x)};
}
INFERON_INLINE void store(float* p, F x) noexcept { _mm256_storeu_ps(p, x.v); }
INFERON_INLINE void store(std::int32_t* p, I x) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v);
}
INFERON_INLINE void store(bool* p, M x, index n = 8) noexcept {
  const int mask = _mm256_movemask_ps(_mm256_castsi256_ps(x.v));
  for (index i = 0; i < n; ++i) p[i] = (mask >> i & 1) != 0;
}
INFERON_INLINE __m256i first(index n) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INFERON_INLINE F load(const float* p, index n) noexcept { return {_mm256_maskload_ps(p, first(n))}; }
INFERON_INLINE F load(const float* p, index n, float rest) noexcept {
  const __m256 x = _mm256_maskload_ps(p, first(n));
  return {_mm256_blendv_ps(_mm256_set1_ps(rest), x, _mm256_castsi256_ps(first(n)))};
}
INFERON_INLINE I load(const std::int32_t* p, index n) noexcept { return {_mm256_maskload_epi32(p, first(n))}; }
INFERON_INLINE M load(const bool* p, index n) noexcept {
  bool copy[8] = {};
  for (index i = 0; i < n; ++i) copy[i] = p[i];
  return load(copy);
}
INFERON_INLINE void store(float* p, F x, index n) noexcept { _mm256_maskstore_ps(p, first(n), x.v); }
INFERON_INLINE void store(std::int32_t* p, I x, index n) noexcept { _mm256_maskstore_epi32(p, first(n), x.v); }
INFERON_INLINE F add(F a, F b) noexcept { return {_mm256_add_ps(a.v, b.v)}; }
INFERON_INLINE F sub(F a, F b) noexcept { return {_mm256_sub_ps(a.v, b.v)}; }
INFERON_INLINE F mul(F a, F b) noexcept { return opaque(F{_mm256_mul_ps(a.v, b.v)}); }
INFERON_INLINE F div(F a, F b) noexcept { return {_mm256_div_ps(a.v, b.v)}; }
INFERON_INLINE F fma(F a, F b, F c) noexcept { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
INFERON_INLINE F root(F a) noexcept { return {_mm256_sqrt_ps(a.v)}; }
INFERON_INLINE F round_even(F a) noexcept { return {_mm256_round_ps(a.v, 8)}; }
INFERON_INLINE F round_down(F a) noexcept { return {_mm256_round_ps(a.v, 9)}; }
INFERON_INLINE F neg(F a) noexcept { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
INFERON_INLINE F absolute(F a) noexcept { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
INFERON_INLINE M truth(__m256 x) noexcept { return {_mm256_castps_si256(x)}; }
INFERON_INLINE M less(F a, F b) noexcept { return truth(_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)); }
INFERON_INLINE M less_equal(F a, F b) noexcept { return truth(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)); }
INFERON_INLINE M equal(F a, F b) noexcept { return truth(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)); }
INFERON_INLINE M unordered(F a) noexcept { return truth(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)); }
INFERON_INLINE M opposite(M a) noexcept { return {_mm256_xor_si256(a.v, _mm256_set1_epi32(-1))}; }
INFERON_INLINE M less(I a, I b) noexcept { return {_mm256_cmpgt_epi32(b.v, a.v)}; }
INFERON_INLINE M less_equal(I a, I b) noexcept { return opposite(M{_mm256_cmpgt_epi32(a.v, b.v)}); }
INFERON_INLINE M equal(I a, I b) noexcept { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
INFERON_INLINE F select(M c, F a, F b) noexcept { return {_mm256_blendv_ps(b.v, a.v, _mm256_castsi256_ps(c.v))}; }
INFERON_INLINE I select(M c, I a, I b) noexcept { return {_mm256_blendv_epi8(b.v, a.v, c.v)}; }
INFERON_INLINE M both(M a, M b) noexcept { return {_mm256_and_si256(a.v, b.v)}; }
INFERON_INLINE M either(M a, M b) noexcept { return {_mm256_or_si256(a.v, b.v)}; }
INFERON_INLINE I add(I a, I b) noexcept { return {_mm256_add_epi32(a.v, b.v)}; }
INFERON_INLINE I sub(I a, I b) noexcept { return {_mm256_sub_epi32(a.v, b.v)}; }
INFERON_INLINE I mul(I a, I b) noexcept { return {_mm256_mullo_epi32(a.v, b.v)}; }
INFERON_INLINE I absolute(I a) noexcept { return {_mm256_abs_epi32(a.v)}; }
INFERON_INLINE I bit_and(I a, I b) noexcept { return {_mm256_and_si256(a.v, b.v)}; }
INFERON_INLINE I bit_or(I a, I b) noexcept { return {_mm256_or_si256(a.v, b.v)}; }
INFERON_INLINE I bit_xor(I a, I b) noexcept { return {_mm256_xor_si256(a.v, b.v)}; }
template <int bits>
INFERON_INLINE I shift_left(I a) noexcept {
  return {_mm256_slli_epi32(a.v, bits)};
}
template <int bits>
INFERON_INLINE I shift_right(I a) noexcept {
  return {_mm256_srai_epi32(a.v, bits)};
}
INFERON_INLINE I float_bits(F a) noexcept { return {_mm256_castps_si256(a.v)}; }
INFERON_INLINE F bits_float(I a) noexcept { return {_mm256_castsi256_ps(a.v)}; }
INFERON_INLINE F to_float(I a) noexcept { return {_mm256_cvtepi32_ps(a.v)}; }
INFERON_INLINE I to_int(F a) noexcept {
  const I inside{_mm256_cvttps_epi32(a.v)};
  const I capped = select(less_equal(all(0x1p31f), a), all(INT32_MAX), inside);
  return select(unordered(a), all(0), capped);
}
INFERON_INLINE F rectified(F a) noexcept { return {_mm256_max_ps(_mm256_setzero_ps(), a.v)}; }
INFERON_INLINE F at_least(F a, F low) noexcept { return {_mm256_max_ps(low.v, a.v)}; }
INFERON_INLINE I smaller(I a, I b) noexcept { return {_mm256_min_epi32(a.v, b.v)}; }
INFERON_INLINE F larger(F a, F b) noexcept { return select(unordered(a), a, F{_mm256_max_ps(a.v, b.v)}); }
INFERON_INLINE F smaller(F a, F b) noexcept { return select(unordered(a), a, F{_mm256_min_ps(a.v, b.v)}); }
INFERON_INLINE F zip_first(F a, F b) noexcept {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x20)};
}
INFERON_INLINE F zip_last(F a, F b) noexcept {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x31)};
}
INFERON_INLINE F evens(F a, F b) noexcept {
  const __m256d halves = _mm256_castps_pd(_mm256_shuffle_ps(a.v, b.v, 0x88));  // a0 a2 b0 b2 a4 a6 b4 b6
  return {_mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xd8))};
}
#else
#define INFERON_LANES 4
constexpr index lanes = 4, tile_registers = 16;

struct F { float32x4_t v; };
struct I { int32x4_t v; };
struct M { uint32x4_t v; };

INFERON_INLINE F opaque(F x) noexcept {
  __asm__("" : "+w"(x.v));
  return x;
}
INFERON_INLINE F all(float x) noexcept { return {vdupq_n_f32(x)}; }
INFERON_INLINE I all(std::int32_t x) noexcept { return {vdupq_n_s32(x)}; }
INFERON_INLINE M all(bool x) noexcept { return {vdupq_n_u32(x ? ~0u : 0u)}; }
INFERON_INLINE F load(const float* p) noexcept { return {vld1q_f32(p)}; }
INFERON_INLINE I load(const std::int32_t* p) noexcept { return {vld1q_s32(p)}; }
INFERON_INLINE void store(float* p, F x) noexcept { vst1q_f32(p, x.v); }
INFERON_INLINE void store(std::int32_t* p, I x) noexcept { vst1q_s32(p, x.v); }
INFERON_INLINE F load(const float* p, index n, float rest) noexcept {
  float copy[4] = {rest, rest, rest, rest};
  for (index i = 0; i < n; ++i) copy[i] = p[i];
  return load(copy);
}
INFERON_INLINE F load(const float* p, index n) noexcept { return load(p, n, 0.0f); }
INFERON_INLINE I load(const std::int32_t* p, index n) noexcept {
  std::int32_t copy[4] = {};
  for (index i = 0; i < n; ++i) copy[i] = p[i];
  return load(copy);
}
INFERON_INLINE M load(const bool* p, index n = 4) noexcept {
  std::uint32_t copy[4] = {};
  for (index i = 0; i < n; ++i) copy[i] = p[i] ? ~0u : 0u;
  return {vld1q_u32(copy)};
}
INFERON_INLINE void store(float* p, F x, index n) noexcept {
  float copy[4];
  store(copy, x);
  for (index i = 0; i < n; ++i) p[i] = copy[i];
}
INFERON_INLINE void store(std::int32_t* p, I x, index n) noexcept {
  std::int32_t copy[4];
  store(copy, x);
  for (index i = 0; i < n; ++i) p[i] = copy[i];
}
INFERON_INLINE void store(bool* p, M x, index n = 4) noexcept {
  std::uint32_t copy[4];
  vst1q_u32(copy, x.v);
  for (index i = 0; i < n; ++i) p[i] = copy[i] != 0;
}
INFERON_INLINE F add(F a, F b) noexcept { return {vaddq_f32(a.v, b.v)}; }
INFERON_INLINE F sub(F a, F b) noexcept { return {vsubq_f32(a.v, b.v)}; }
INFERON_INLINE F mul(F a, F b) noexcept { return opaque(F{vmulq_f32(a.v, b.v)}); }
INFERON_INLINE F div(F a, F b) noexcept { return {vdivq_f32(a.v, b.v)}; }
INFERON_INLINE F fma(F a, F b, F c) noexcept { return {vfmaq_f32(c.v, a.v, b.v)}; }
INFERON_INLINE F root(F a) noexcept { return {vsqrtq_f32(a.v)}; }
INFERON_INLINE F round_even(F a) noexcept { return {vrndnq_f32(a.v)}; }
INFERON_INLINE F round_down(F a) noexcept { return {vrndmq_f32(a.v)}; }
INFERON_INLINE F neg(F a) noexcept { return {vnegq_f32(a.v)}; }
INFERON_INLINE F absolute(F a) noexcept { return {vabsq_f32(a.v)}; }
INFERON_INLINE M less(F a, F b) noexcept { return {vcltq_f32(a.v, b.v)}; }
INFERON_INLINE M less_equal(F a, F b) noexcept { return {vcleq_f32(a.v, b.v)}; }
INFERON_INLINE M equal(F a, F b) noexcept { return {vceqq_f32(a.v, b.v)}; }
INFERON_INLINE M unordered(F a) noexcept { return {vmvnq_u32(vceqq_f32(a.v, a.v))}; }
INFERON_INLINE M less(I a, I b) noexcept { return {vcltq_s32(a.v, b.v)}; }
INFERON_INLINE M less_equal(I a, I b) noexcept { return {vcleq_s32(a.v, b.v)}; }
INFERON_INLINE M equal(I a, I b) noexcept { return {vceqq_s32(a.v, b.v)}; }
INFERON_INLINE F select(M c, F a, F b) noexcept {
#if defined(__clang__)
  __asm__("" : "+w"(c.v));  // as above: what is chosen has to stay a choice
#endif
  return {vbslq_f32(c.v, a.v, b.v)};
}
INFERON_INLINE I select(M c, I a, I b) noexcept { return {vbslq_s32(c.v, a.v, b.v)}; }
INFERON_INLINE M both(M a, M b) noexcept { return {vandq_u32(a.v, b.v)}; }
INFERON_INLINE M either(M a, M b) noexcept { return {vorrq_u32(a.v, b.v)}; }
INFERON_INLINE M opposite(M a) noexcept { return {vmvnq_u32(a.v)}; }
INFERON_INLINE I add(I a, I b) noexcept { return {vaddq_s32(a.v, b.v)}; }
INFERON_INLINE I sub(I a, I b) noexcept { return {vsubq_s32(a.v, b.v)}; }
INFERON_INLINE I mul(I a, I b) noexcept { return {vmulq_s32(a.v, b.v)}; }
INFERON_INLINE I absolute(I a) noexcept { return {vabsq_s32(a.v)}; }
INFERON_INLINE I bit_and(I a, I b) noexcept { return {vandq_s32(a.v, b.v)}; }
INFERON_INLINE I bit_or(I a, I b) noexcept { return {vorrq_s32(a.v, b.v)}; }
INFERON_INLINE I bit_xor(I a, I b) noexcept { return {veorq_s32(a.v, b.v)}; }
template <int bits>
INFERON_INLINE I shift_left(I a) noexcept {
  return {vshlq_n_s32(a.v, bits)};
}
template <int bits>
INFERON_INLINE I shift_right(I a) noexcept {
  return {vshlq_s32(a.v, vdupq_n_s32(-bits))};
}
INFERON_INLINE I float_bits(F a) noexcept { return {vreinterpretq_s32_f32(a.v)}; }
INFERON_INLINE F bits_float(I a) noexcept { return {vreinterpretq_f32_s32(a.v)}; }
INFERON_INLINE F to_float(I a) noexcept { return {vcvtq_f32_s32(a.v)}; }
INFERON_INLINE F zip_first(F a, F b) noexcept { return {vzip1q_f32(a.v, b.v)}; }
INFERON_INLINE F zip_last(F a, F b) noexcept { return {vzip2q_f32(a.v, b.v)}; }
INFERON_INLINE I to_int(F a) noexcept { return {vcvtq_s32_f32(a.v)}; }
INFERON_INLINE F evens(F a, F b) noexcept { return {vuzp1q_f32(a.v, b.v)}; }
INFERON_INLINE F rectified(F a) noexcept { return select(less(a, all(0.0f)), all(0.0f), a); }
INFERON_INLINE F at_least(F a, F low) noexcept { return select(less(a, low), low, a); }
INFERON_INLINE I smaller(I a, I b) noexcept { return {vminq_s32(a.v, b.v)}; }
INFERON_INLINE F larger(F a, F b) noexcept { return select(either(less(b, a), unordered(a)), a, b); }
INFERON_INLINE F smaller(F a, F b) noexcept { return select(either(less(a, b), unordered(a)), a, b); }
#endif

INFERON_INLINE I at_least(I a, I low) noexcept { return select(less(a, low), low, a); }
INFERON_INLINE I larger(I a, I b) noexcept { return select(less(b, a), a, b); }
INFERON_INLINE I neg(I a) noexcept { return sub(all(0), a); }

INFERON_INLINE F like(F, float number) noexcept { return all(number); }
INFERON_INLINE I like(F, std::int32_t number) noexcept { return all(number); }
INFERON_INLINE M like(F, bool number) noexcept { return all(number); }
INFERON_INLINE M select(M c, M a, M b) noexcept { return either(both(c, a), both(opposite(c), b)); }
INFERON_INLINE F to_float(M a) noexcept { return select(a, all(1.0f), all(0.0f)); }
INFERON_INLINE M nonzero(F a) noexcept { return opposite(equal(a, all(0.0f))); }
INFERON_INLINE M nonzero(I a) noexcept { return opposite(equal(a, all(0))); }

// Elements that do not lie side by side.
// Every second of 2 n - 1 floats; nothing is read behind them.
INFERON_INLINE F load_seconds(const float* p, index n) noexcept {
  const index count = 2 * n - 1;
  if (count <= lanes) return evens(load(p, count), all(0.0f));
  return evens(load(p), load(p + lanes, count - lanes));
}
template <class T>
INFERON_INLINE auto load_apart(const T* p, index stride, index n = lanes) noexcept {
  if constexpr (std::is_same<T, float>::value)
    if (stride == 2) return load_seconds(p, n);
  T copy[lanes] = {};
  for (index i = 0; i < n; ++i) copy[i] = p[i * stride];
  return load(copy);
}
template <class T, class V>
INFERON_INLINE void store_apart(T* p, index stride, V x, index n = lanes) noexcept {
  T copy[lanes];
  store(copy, x);
  for (index i = 0; i < n; ++i) p[i * stride] = copy[i];
}

// Registers as the rows of a square, which is turned round by zipping its halves again and again.
template <index half, index... i>
INFERON_INLINE void zip_halves(const F* from, F* to, std::integer_sequence<index, i...>) noexcept {
  ((to[2 * i] = zip_first(from[i], from[i + half]), to[2 * i + 1] = zip_last(from[i], from[i + half])), ...);
}
template <index stages>
INFERON_INLINE void turn_square(F* square) noexcept {
  if constexpr (stages > 0) {
    F next[lanes];
    zip_halves<lanes / 2>(square, next, std::make_integer_sequence<index, lanes / 2>{});
    turn_square<stages - 1>(next);
    for (index i = 0; i < lanes; ++i) square[i] = next[i];
  }
}

// The first n lanes, the others filled with a number.
#if INFERON_LANES == 4
INFERON_INLINE F keep(F x, index n, float rest) noexcept {
  float copy[4];
  store(copy, x);
  return load(copy, n, rest);
}
#else
INFERON_INLINE F keep(F x, index n, float rest) noexcept { return select(M{first(n)}, x, all(rest)); }
#endif

// Single values: the builtins of the compiler may call libm without optimization, the instructions do not.
#if INFERON_LANES == 4
INFERON_INLINE float fma(float a, float b, float c) noexcept { return vget_lane_f32(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)), 0); }
INFERON_INLINE double fma(double a, double b, double c) noexcept { return vget_lane_f64(vfma_f64(vdup_n_f64(c), vdup_n_f64(a), vdup_n_f64(b)), 0); }
INFERON_INLINE float root(float a) noexcept { return vget_lane_f32(vsqrt_f32(vdup_n_f32(a)), 0); }
INFERON_INLINE double root(double a) noexcept { return vget_lane_f64(vsqrt_f64(vdup_n_f64(a)), 0); }
INFERON_INLINE float round_even(float a) noexcept { return vget_lane_f32(vrndn_f32(vdup_n_f32(a)), 0); }
INFERON_INLINE double round_even(double a) noexcept { return vget_lane_f64(vrndn_f64(vdup_n_f64(a)), 0); }
INFERON_INLINE float round_down(float a) noexcept { return vget_lane_f32(vrndm_f32(vdup_n_f32(a)), 0); }
INFERON_INLINE double round_down(double a) noexcept { return vget_lane_f64(vrndm_f64(vdup_n_f64(a)), 0); }
#else
INFERON_INLINE float fma(float a, float b, float c) noexcept {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}
INFERON_INLINE double fma(double a, double b, double c) noexcept {
  return _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(a), _mm_set_sd(b), _mm_set_sd(c)));
}
INFERON_INLINE float root(float a) noexcept { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }
INFERON_INLINE double root(double a) noexcept { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(a), _mm_set_sd(a))); }
INFERON_INLINE float round_even(float a) noexcept { return _mm_cvtss_f32(_mm_round_ss(_mm_set_ss(a), _mm_set_ss(a), 8)); }
INFERON_INLINE double round_even(double a) noexcept { return _mm_cvtsd_f64(_mm_round_sd(_mm_set_sd(a), _mm_set_sd(a), 8)); }
INFERON_INLINE float round_down(float a) noexcept { return _mm_cvtss_f32(_mm_round_ss(_mm_set_ss(a), _mm_set_ss(a), 9)); }
INFERON_INLINE double round_down(double a) noexcept { return _mm_cvtsd_f64(_mm_round_sd(_mm_set_sd(a), _mm_set_sd(a), 9)); }
#endif

