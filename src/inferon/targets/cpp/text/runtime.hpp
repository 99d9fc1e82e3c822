// What every generated kernel stands on: lanes of floats and ints, and the register tile of a product.
// F, I and M are a register of floats, of 32-bit ints, and of truth values; `lanes` is how many they hold.
// `tile_registers` is how many sums a product keeps in registers; what remains holds operands and, behind the product,
// what is computed from its sums (Deep Sets 150 x 3 on x86-64-v3, g++ 12: 15.8 us with 8, 15.0 us with 12).
// The same function names exist for single floats, ints and bools, so that an expression reads alike for both.

using index = std::ptrdiff_t;

// A product that is rounded on its own must not be contracted into a fused multiply-add: the empty statement hides it.
INFERON_INLINE float opaque(float x) noexcept {
  __asm__("" : INFERON_FLOAT_REGISTER(x));
  return x;
}
INFERON_INLINE double opaque(double x) noexcept {
  __asm__("" : INFERON_FLOAT_REGISTER(x));
  return x;
}

template <class To, class From>
INFERON_INLINE To bits_of(From x) noexcept {
  static_assert(sizeof(To) == sizeof(From), "same width");
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

// ---------------------------------------------------------------------------------------- single values

INFERON_INLINE float add(float a, float b) noexcept { return a + b; }
INFERON_INLINE float sub(float a, float b) noexcept { return a - b; }
INFERON_INLINE float mul(float a, float b) noexcept { return opaque(a * b); }
INFERON_INLINE float div(float a, float b) noexcept { return a / b; }
INFERON_INLINE double add(double a, double b) noexcept { return a + b; }
INFERON_INLINE double sub(double a, double b) noexcept { return a - b; }
INFERON_INLINE double mul(double a, double b) noexcept { return opaque(a * b); }
INFERON_INLINE double div(double a, double b) noexcept { return a / b; }

// Ints wrap around: the arithmetic is done on the unsigned type.
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T add(T a, T b) noexcept {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T sub(T a, T b) noexcept {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) - static_cast<U>(b)));
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T mul(T a, T b) noexcept {
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
// Toward zero; x / 0 is 0, and the one quotient that does not fit wraps.
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T div(T a, T b) noexcept {
  if (b == 0) return 0;
  if (std::is_signed<T>::value && b == static_cast<T>(-1)) return sub(T{0}, a);
  return static_cast<T>(a / b);
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T neg(T a) noexcept {
  return sub(T{0}, a);
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T absolute(T a) noexcept {
  return a < T{0} ? neg(a) : a;
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T bit_and(T a, T b) noexcept {
  return static_cast<T>(a & b);
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T bit_or(T a, T b) noexcept {
  return static_cast<T>(a | b);
}
template <class T, INFERON_IF_INT(T)>
INFERON_INLINE T bit_xor(T a, T b) noexcept {
  return static_cast<T>(a ^ b);
}
template <int bits, class T, INFERON_IF_INT(T)>
INFERON_INLINE T shift_left(T a) noexcept {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << bits);
}
template <int bits, class T, INFERON_IF_INT(T)>
INFERON_INLINE T shift_right(T a) noexcept {
  return static_cast<T>(a >> bits);
}

INFERON_INLINE float neg(float a) noexcept { return -a; }
INFERON_INLINE double neg(double a) noexcept { return -a; }
INFERON_INLINE float absolute(float a) noexcept { return __builtin_fabsf(a); }
INFERON_INLINE double absolute(double a) noexcept { return __builtin_fabs(a); }

template <class T>
INFERON_INLINE bool less(T a, T b) noexcept {
  return a < b;
}
template <class T>
INFERON_INLINE bool less_equal(T a, T b) noexcept {
  return a <= b;
}
template <class T>
INFERON_INLINE bool equal(T a, T b) noexcept {
  return a == b;
}
// On AArch64 clang (14) makes fmax(x, 0) of x < 0 ? 0 : x, which turns -0 into +0: the choice is hidden from it.
template <class T>
INFERON_INLINE T hidden_choice(T x) noexcept {
#if defined(__clang__) && defined(__aarch64__)
  if constexpr (std::is_floating_point<T>::value) return opaque(x);
#endif
  return x;
}
template <class T>
INFERON_INLINE T select(bool c, T a, T b) noexcept {
  return c ? a : hidden_choice(b);
}
template <class T>
INFERON_INLINE T larger(T a, T b) noexcept {
  return a > b || a != a ? a : hidden_choice(b);
}
template <class T>
INFERON_INLINE T smaller(T a, T b) noexcept {
  return a < b || a != a ? a : hidden_choice(b);
}
INFERON_INLINE bool both(bool a, bool b) noexcept { return a && b; }
INFERON_INLINE bool either(bool a, bool b) noexcept { return a || b; }
INFERON_INLINE bool opposite(bool a) noexcept { return !a; }
INFERON_INLINE std::int32_t float_bits(float a) noexcept { return bits_of<std::int32_t>(a); }
INFERON_INLINE float bits_float(std::int32_t a) noexcept { return bits_of<float>(a); }
INFERON_INLINE float to_float(std::int32_t a) noexcept { return static_cast<float>(a); }

// Toward zero, saturated, NaN as 0.
template <class T, class R>
INFERON_INLINE T truncated(R a) noexcept {
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  if (a != a) return 0;
  if (a < static_cast<R>(low)) return low;
  if (a >= static_cast<R>(high / 2 + 1) * R{2}) return high;
  return static_cast<T>(a);
}
INFERON_INLINE std::int32_t to_int(float a) noexcept { return truncated<std::int32_t>(a); }

INFERON_INLINE float to_float(bool a) noexcept { return a ? 1.0f : 0.0f; }
template <class T>
INFERON_INLINE bool nonzero(T a) noexcept {
  return a != T{0};
}
// A number of the same kind as x: one value or a register.
INFERON_INLINE float like(float, float number) noexcept { return number; }
INFERON_INLINE std::int32_t like(float, std::int32_t number) noexcept { return number; }
INFERON_INLINE bool like(float, bool number) noexcept { return number; }

// ------------------------------------------------------------------------------------------ fixed point

enum class Rounding { floor, toward_zero, half_up, half_down, half_away, half_toward_zero, half_even };
enum class Overflow { wrap, saturate, saturate_zero, saturate_symmetric, error };

// m / 2^bits as an integer, for |m| < 2^62.
template <Rounding rounding>
INFERON_INLINE std::int64_t rounded(std::int64_t m, int bits) noexcept {
  if (bits > 62) return rounding == Rounding::floor && m < 0 ? -1 : 0;
  const std::int64_t low = m >> bits, rest = m - low * (std::int64_t{1} << bits);
  const std::int64_t half = std::int64_t{1} << (bits - 1);
  bool up = false;
  switch (rounding) {
    case Rounding::floor: break;
    case Rounding::toward_zero: up = m < 0 && rest > 0; break;
    case Rounding::half_up: up = rest >= half; break;
    case Rounding::half_down: up = rest > half; break;
    case Rounding::half_away: up = rest > half || (rest == half && m > 0); break;
    case Rounding::half_toward_zero: up = rest > half || (rest == half && m < 0); break;
    case Rounding::half_even: up = rest > half || (rest == half && (low & 1)); break;
  }
  return low + (up ? 1 : 0);
}

// What becomes of a value beyond the type; a promise that none occurs costs nothing.
template <Overflow overflow, int width, bool is_signed>
INFERON_INLINE std::int64_t beyond(bool above) noexcept {
  constexpr std::int64_t high = (std::int64_t{1} << (is_signed ? width - 1 : width)) - 1;
  if (overflow == Overflow::saturate_zero) return 0;
  if (above) return high;
  return !is_signed ? 0 : overflow == Overflow::saturate_symmetric ? -high : -high - 1;
}

// m * 2^-dropped in a type of so many bits.
template <Rounding rounding, Overflow overflow, int width, bool is_signed>
INFERON_INLINE std::int64_t quantized_by(std::int64_t m, int dropped) noexcept {
  constexpr std::int64_t high = (std::int64_t{1} << (is_signed ? width - 1 : width)) - 1;
  constexpr std::int64_t low = is_signed ? -high - 1 : 0;
  constexpr std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  if (dropped > 0) m = rounded<rounding>(m, dropped);
  const int raised = dropped < 0 ? -dropped : 0;
  if (overflow == Overflow::wrap || overflow == Overflow::error) {
    const std::uint64_t word = raised > 63 ? 0 : static_cast<std::uint64_t>(m) << raised;
    const std::uint64_t kept = (word - static_cast<std::uint64_t>(low)) & mask;
    return static_cast<std::int64_t>(kept + static_cast<std::uint64_t>(low));
  }
  const bool above = raised > 62 ? m > 0 : m > (high >> raised);
  const bool below = raised > 62 ? m < 0 : m < -(-low >> raised);
  if (above || below) return beyond<overflow, width, is_signed>(above);
  const std::int64_t value = raised > 62 ? 0 : m * (std::int64_t{1} << raised);
  return overflow == Overflow::saturate_symmetric && is_signed && value == low ? -high : value;
}
template <Rounding rounding, Overflow overflow, int width, bool is_signed, int dropped, class T>
INFERON_INLINE std::int64_t quantized(T m) noexcept {
  return quantized_by<rounding, overflow, width, is_signed>(static_cast<std::int64_t>(m), dropped);
}

// A float is a mantissa and an exponent; NaN becomes 0, infinities the ends where overflow saturates.
template <Rounding rounding, Overflow overflow, int width, bool is_signed, int fraction, class T>
INFERON_INLINE std::int64_t quantized_real(T x) noexcept {
  constexpr bool wide = sizeof(T) == 8;
  constexpr int digits = wide ? 52 : 23, top = wide ? 2047 : 255;
  using U = std::conditional_t<wide, std::uint64_t, std::uint32_t>;
  const U bits = bits_of<U>(x);
  const int exponent = static_cast<int>(bits >> digits) & top;
  std::int64_t m = static_cast<std::int64_t>(bits & ((U{1} << digits) - 1));
  if (exponent == top) {
    const bool ends = overflow == Overflow::saturate || overflow == Overflow::saturate_symmetric;
    return m != 0 || !ends ? 0 : beyond<overflow, width, is_signed>(x > 0);
  }
  if (exponent != 0) m |= std::int64_t{1} << digits;
  const int place = (exponent != 0 ? exponent : 1) - (top / 2) - digits;
  return quantized_by<rounding, overflow, width, is_signed>(x < 0 ? -m : m, -(place + fraction));
}

// 2^n, of a normal exponent.
template <class T>
constexpr T power_of_two(int n) noexcept {
  T value = 1;
  for (int i = 0; i < n; ++i) value *= 2;
  for (int i = 0; i > n; --i) value /= 2;
  return value;
}
// The value of a mantissa, rounded once.
template <class T, int fraction>
INFERON_INLINE T stepped(std::int64_t m) noexcept {
  return mul(static_cast<T>(m), power_of_two<T>(-fraction));
}

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
INFERON_INLINE F larger(F a, F b) noexcept { return select(either(less(b, a), unordered(a)), a, b); }
INFERON_INLINE F smaller(F a, F b) noexcept { return select(either(less(a, b), unordered(a)), a, b); }
#endif

INFERON_INLINE I larger(I a, I b) noexcept { return select(less(b, a), a, b); }
INFERON_INLINE I smaller(I a, I b) noexcept { return select(less(a, b), a, b); }
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

// ----------------------------------------------------------------------------------------------- loops

template <index n>
using number = std::integral_constant<index, n>;
template <index... n>
using numbers = std::integer_sequence<index, n...>;
template <index n>
using upto = std::make_integer_sequence<index, n>;

template <index n>
INFERON_INLINE F load(const float* p, number<n>) noexcept {
  if constexpr (n >= lanes) return load(p);
  else return load(p, n);
}
template <index n>
INFERON_INLINE I load(const std::int32_t* p, number<n>) noexcept {
  if constexpr (n >= lanes) return load(p);
  else return load(p, n);
}
template <index n>
INFERON_INLINE M load(const bool* p, number<n>) noexcept {
  if constexpr (n >= lanes) return load(p);
  else return load(p, n);
}
template <class T, class V, index n>
INFERON_INLINE void store(T* p, V x, number<n>) noexcept {
  if constexpr (n >= lanes) store(p, x);
  else store(p, x, n);
}

// Calls body(i, number<count>) so that the lanes cover 0 .. n-1: whole registers first, then the rest.
template <index n, class Body>
INFERON_INLINE void along(Body body) noexcept {
  for (index i = 0; i + lanes <= n; i += lanes) body(i, number<lanes>{});
  if constexpr (n % lanes != 0) body(n - n % lanes, number<n % lanes>{});
}

template <class Rows, class Columns, index... i>
INFERON_INLINE void turn_block(const float* from, index apart, float* to, index to_apart, Rows rows, Columns columns,
                               numbers<i...>) noexcept {
  constexpr index stages = lanes == 16 ? 4 : lanes == 8 ? 3 : 2;
  F square[lanes] = {(i < Columns::value ? load(from + i * apart, rows) : all(0.0f))...};
  turn_square<stages>(square);
  ((i < Rows::value ? store(to + i * to_apart, square[i], columns) : void()), ...);
}

// to[r * to_apart + c] = from[c * apart + r]
template <index rows, index columns>
INFERON_INLINE void turned(const float* from, index apart, float* to, index to_apart) noexcept {
  along<rows>([&](index r, auto block_rows) INFERON_INLINED {
    along<columns>([&](index c, auto block_columns) INFERON_INLINED {
      turn_block(from + c * apart + r, apart, to + r * to_apart + c, to_apart, block_rows, block_columns,
                 upto<lanes>{});
    });
  });
}

template <class Body, index... s>
INFERON_INLINE void strands_from(index size, Body body, numbers<s...>) noexcept {
  constexpr index count = sizeof...(s);
  index k = 0;
  for (; k + count <= size; k += count) (body(number<s>{}, k + s), ...);
  ((k + s < size ? body(number<s>{}, k + s) : void()), ...);
}

// Calls body(number<k mod strands>, k) for k = 0 .. size-1.
template <index strands, class Body>
INFERON_INLINE void in_strands(index size, Body body) noexcept {
  strands_from(size, body, upto<strands>{});
}

template <index half, class T, class Combine, index... s>
INFERON_INLINE void join_once(T* strand, Combine combine, numbers<s...>) noexcept {
  ((strand[s] = combine(strand[s], strand[s + half])), ...);
}

// Joins strands by halves: s[i] = s[i] + s[i + n/2], until one is left.
template <index strands, class T, class Combine>
INFERON_INLINE T joined(T* strand, Combine combine) noexcept {
  if constexpr (strands > 1) {
    join_once<strands / 2>(strand, combine, upto<strands / 2>{});
    return joined<strands / 2>(strand, combine);
  } else {
    return strand[0];
  }
}

template <class T, class V, index... s>
INFERON_INLINE void fill(T* strand, V value, numbers<s...>) noexcept {
  ((strand[s] = value), ...);
}

// Reduces size elements that lie in the lanes: element k belongs to strand k mod strands, at(k, count) gives
// registers. With fewer strands than lanes, the first lanes of a register are the strands and the rest is idle.
template <index strands, index size, class Combine, class At>
INFERON_INLINE float across(float identity, Combine combine, At at) noexcept {
  constexpr index width = strands < lanes ? strands : lanes, registers = strands / width;
  F strand[registers];
  fill(strand, all(identity), upto<registers>{});
  constexpr index whole = size / width;
  in_strands<registers>(whole, [&](auto s, index block) INFERON_INLINED {
    strand[s] = combine(strand[s], at(block * width, number<width>{}));
  });
  if constexpr (size % width != 0) {
    constexpr index s = whole % registers;
    const F rest = keep(at(whole * width, number<size % width>{}), size % width, identity);
    strand[s] = combine(strand[s], rest);
  }
  alignas(64) float single[lanes];
  store(single, joined<registers>(strand, combine));
  return joined<width>(single, combine);
}

// --------------------------------------------------------------------------------------------- product

// R rows times V registers of columns of a product, in S strands that begin with +0; side by side, or in turn with all
// registers for one of them.
template <index R, index V, index S, bool in_turn>
struct Tile {
  F sum[S * R * V];

  INFERON_INLINE Tile() noexcept { fill(sum, all(0.0f), upto<S * R * V>{}); }

  // Calls body(number<k mod S>, k) for k = 0 .. size-1.
  template <class Body>
  INFERON_INLINE void chains(index size, Body body) noexcept {
    if constexpr (in_turn) one_by_one(size, body, upto<S>{});
    else in_strands<S>(size, body);
  }
  template <class Body, index... s>
  INFERON_INLINE void one_by_one(index size, Body body, numbers<s...>) noexcept {
    (one_strand(number<s>{}, size, body), ...);
  }
  template <class Strand, class Body>
  INFERON_INLINE void one_strand(Strand s, index size, Body body) noexcept {
    for (index k = s; k < size; k += S) body(s, k);
  }

  // Adds one product: a[r * apart] times the registers at b.
  template <index s>
  INFERON_INLINE void step(number<s>, const float* a, index apart, const float* b) noexcept {
    // Hidden from g++, which else keeps what neighboring rows of a convolution share, in more registers than there are
    // (a 1-D convolution on x86-64-v3: 39 us with, 28 us without).
    if constexpr (R > 1) __asm__("" : "+r"(a));
    step_rows<s>(a, apart, b, upto<R>{}, upto<V>{});
  }
  template <index s, index... r, index... v>
  INFERON_INLINE void step_rows(const float* a, index apart, const float* b, numbers<r...>, numbers<v...>) noexcept {
    const F right[V] = {load(b + v * lanes)...};
    (step_row(all(a[r * apart]), right, sum + (s * R + r) * V, numbers<v...>{}), ...);
  }
  // One row at a time, so that few elements of the left operand are in registers at once.
  template <index... v>
  INFERON_INLINE void step_row(F left, const F* right, F* row_sum, numbers<v...>) noexcept {
    ((row_sum[v] = fma(left, right[v], row_sum[v])), ...);
  }

  // Calls body(m, n, value) for every register of the tile at a row and a column, after joining the strands.
  template <class Body>
  INFERON_INLINE void finish(index row, index column, Body body) noexcept {
    finish_each(row, column, body, upto<R * V>{});
  }
  template <class Body, index... j>
  INFERON_INLINE void finish_each(index row, index column, Body body, numbers<j...>) noexcept {
    (body(row + j / V, column + j % V * lanes, joined_strand(j)), ...);
  }
  INFERON_INLINE F joined_strand(index j) noexcept {
    F strand[S];
    for (index s = 0; s < S; ++s) strand[s] = sum[s * R * V + j];
    return joined<S>(strand, [](F a, F b) noexcept { return add(a, b); });
  }
};

constexpr index least(index a, index b) noexcept { return a < b ? a : b; }
constexpr index most(index a, index b) noexcept { return a > b ? a : b; }

// How many pieces of a size hold n.
constexpr index pieces(index n, index size) noexcept { return (n + size - 1) / size; }

// The registers of columns in a tile of so many sums: a step loads them, and one element for each row of the tile.
constexpr index tile_width(index rows, index blocks, index sums) noexcept {
  return least(blocks, rows == 1 ? most(1, sums) : sums >= 4 ? 2 : 1);
}

template <index rows, index R, index V, index S, bool in_turn, class Body>
INFERON_INLINE void tile_column(index column, Body body) noexcept {
  for (index row = 0; row + R <= rows; row += R) body(Tile<R, V, S, in_turn>{}, row, column);
  if constexpr (rows % R != 0) body(Tile<rows % R, V, S, in_turn>{}, rows - rows % R, column);
}

// Calls body(tile, row, column) so that the tiles cover a product of rows x columns with so many terms in each sum.
// Where side by side the strands leave too few registers for rows, and are long enough to pay for storing them, they
// come in turn (16-64-32-32-5 in tiles of events on x86-64-v3: 98 ns an event, 115 ns side by side).
template <index rows, index columns, index terms, index S, class Body>
INFERON_INLINE void tiles(Body body) noexcept {
  constexpr index blocks = pieces(columns, lanes);
  constexpr bool in_turn = S > 1 && rows > 1 && tile_registers < 4 * S && terms >= 8 * S;
  constexpr index sums = tile_registers / (in_turn ? 1 : S);
  constexpr index V = tile_width(rows, blocks, sums);
  constexpr index R = pieces(rows, pieces(rows, most(1, sums / V)));  // tiles of nearly one height
  for (index block = 0; block + V <= blocks; block += V) tile_column<rows, R, V, S, in_turn>(block * lanes, body);
  if constexpr (blocks % V != 0)
    tile_column<rows, R, blocks % V, S, in_turn>((blocks - blocks % V) * lanes, body);
}

// Stores the lanes that lie before the end of a row.
template <index columns>
INFERON_INLINE void store_row(float* row, index column, F x) noexcept {
  if (columns % lanes == 0 || column + lanes <= columns) store(row + column, x);
  else if (column < columns) store(row + column, x, columns - column);
}
template <index columns, class T>
INFERON_INLINE auto load_row(const T* row, index column) noexcept {
  if (columns % lanes == 0 || column + lanes <= columns) return load(row + column);
  return load(row + column, columns - column);
}

// ----------------------------------------------------------------------------------- choice by value

// An index that counts from the end when negative; outside, the nearest end.
template <index size, class T>
INFERON_INLINE index bounded(T given) noexcept {
  index i = static_cast<index>(given);
  if (std::is_unsigned<T>::value && i < 0) i = size - 1;
  if (i < 0) i += size;
  return i < 0 ? 0 : i >= size ? size - 1 : i;
}

// An index that counts from the end when negative; outside, -1.
template <index size, class T>
INFERON_INLINE index inside(T given) noexcept {
  index i = static_cast<index>(given);
  if (std::is_unsigned<T>::value && i < 0) return -1;
  if (i < 0) i += size;
  return i < 0 || i >= size ? -1 : i;
}

// Whether a comes before b: larger (or smaller) first; NaN counts as larger than all numbers.
template <bool largest, class T>
INFERON_INLINE bool ahead(T a, T b) noexcept {
  const bool nan_a = a != a, nan_b = b != b;
  if (nan_a || nan_b) return largest ? nan_a && !nan_b : nan_b && !nan_a;
  return largest ? a > b : a < b;
}

// The indices of the k best of size elements, best first; of equal ones the lowest index.
template <index k, index size, bool largest, class T>
INFERON_INLINE void choose(const T* x, index apart, std::int64_t* chosen, index chosen_apart) noexcept {
  T best[k] = {};
  for (index i = 0; i < size; ++i) {
    const T value = x[i * apart];
    index at = i < k ? i : k;
    while (at > 0 && ahead<largest>(value, best[at - 1])) --at;
    if (at == k) continue;
    for (index j = (i < k ? i : k - 1); j > at; --j) {
      best[j] = best[j - 1];
      chosen[j * chosen_apart] = chosen[(j - 1) * chosen_apart];
    }
    best[at] = value;
    chosen[at * chosen_apart] = i;
  }
}

// Ints in the order of `ahead`: the first is the largest. -0 and +0 are one; no float gives the lowest int.
template <bool largest>
INFERON_INLINE I rank_of(F x) noexcept {
  constexpr std::int32_t low = std::numeric_limits<std::int32_t>::min(), high = std::numeric_limits<std::int32_t>::max();
  const I bits = float_bits(add(x, all(0.0f)));
  const I rising = bit_xor(bits, bit_and(shift_right<31>(bits), all(high)));
  return largest ? select(unordered(x), all(high), rising)
                 : select(unordered(x), all(low + 1), bit_xor(rising, all(-1)));
}

// Puts an element where it belongs among the best so far, and moves those behind it by one place.
template <index... j>
INFERON_INLINE void insert(I* best, I* place, I key, I here, numbers<j...>) noexcept {
  constexpr index last = sizeof...(j) - 1;
  const M is_ahead[] = {less(best[j], key)...};
  ((best[last - j] = select(is_ahead[last - j],
                            last == j ? key : select(is_ahead[most(last - j - 1, 0)], best[most(last - j - 1, 0)], key),
                            best[last - j]),
    place[last - j] = select(is_ahead[last - j],
                             last == j ? here : select(is_ahead[most(last - j - 1, 0)], place[most(last - j - 1, 0)], here),
                             place[last - j])),
   ...);
}

// The same for as many rows as there are lanes: element i of all rows is the register at x + i * apart, row r's indices
// are at chosen[r * row_apart + j * chosen_apart].
template <index k, index size, bool largest, class Rows, index... j>
INFERON_INLINE void choose_rows(const float* x, index apart, std::int64_t* chosen, index row_apart, index chosen_apart,
                                Rows rows, numbers<j...>) noexcept {
  I best[k] = {(static_cast<void>(j), all(std::numeric_limits<std::int32_t>::min()))...};
  I place[k] = {(static_cast<void>(j), all(0))...};
  for (index i = 0; i < size; ++i)
    insert(best, place, rank_of<largest>(load(x + i * apart, rows)), all(static_cast<std::int32_t>(i)), upto<k>{});
  alignas(64) std::int32_t row_places[k][lanes];
  (store(row_places[j], place[j]), ...);
  for (index r = 0; r < Rows::value; ++r)
    for (index at = 0; at < k; ++at) chosen[r * row_apart + at * chosen_apart] = row_places[at][r];
}
template <index k, index size, bool largest, class Rows>
INFERON_INLINE void choose_rows(const float* x, index apart, std::int64_t* chosen, index row_apart, index chosen_apart,
                                Rows rows) noexcept {
  choose_rows<k, size, largest>(x, apart, chosen, row_apart, chosen_apart, rows, upto<k>{});
}
