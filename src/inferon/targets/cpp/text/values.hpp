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
INFERON_INLINE T at_least(T a, T low) noexcept {
  return a < low ? low : hidden_choice(a);
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

// Whether the integer below a number that lies `rest` above it is left for the next one.
template <Rounding rounding, class T>
INFERON_INLINE bool goes_up(T rest, T half, bool is_negative, bool is_odd) noexcept {
  switch (rounding) {
    case Rounding::floor: return false;
    case Rounding::toward_zero: return is_negative && rest > 0;
    case Rounding::half_up: return rest >= half;
    case Rounding::half_down: return rest > half;
    case Rounding::half_away: return rest > half || (rest == half && !is_negative);
    case Rounding::half_toward_zero: return rest > half || (rest == half && is_negative);
    case Rounding::half_even: return rest > half || (rest == half && is_odd);
  }
  return false;
}

// m / 2^bits as an integer, for |m| < 2^62.
template <Rounding rounding>
INFERON_INLINE std::int64_t rounded(std::int64_t m, int bits) noexcept {
  if (bits > 62) return rounding == Rounding::floor && m < 0 ? -1 : 0;
  const std::int64_t low = m >> bits, rest = m - low * (std::int64_t{1} << bits);
  return low + goes_up<rounding>(rest, std::int64_t{1} << (bits - 1), m < 0, (low & 1) != 0);
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

// 2^n, of a normal exponent.
template <class T>
constexpr T power_of_two(int n) noexcept {
  T value = 1;
  for (int i = 0; i < n; ++i) value *= 2;
  for (int i = 0; i > n; --i) value /= 2;
  return value;
}

// NaN becomes 0, infinities the ends where overflow saturates. Numbers of usual size are rounded as floats, in which their
// steps and the rest are exact; else a float is a mantissa and an exponent.
template <Rounding rounding, Overflow overflow, int width, bool is_signed, int fraction, class T>
INFERON_INLINE std::int64_t quantized_real(T x) noexcept {
  if constexpr (fraction >= 0 && fraction < 64) {  // no step is below the least float
    const T steps = mul(x, power_of_two<T>(fraction));
    if (steps > -power_of_two<T>(62) && steps < power_of_two<T>(62)) {
      auto m = static_cast<std::int64_t>(steps);  // towards zero
      m -= static_cast<T>(m) > steps;
      const bool up = goes_up<rounding>(sub(steps, static_cast<T>(m)), T(0.5), steps < 0, (m & 1) != 0);
      return quantized_by<rounding, overflow, width, is_signed>(m + up, 0);
    }
  }
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

// The value of a mantissa, rounded once.
template <class T, int fraction>
INFERON_INLINE T stepped(std::int64_t m) noexcept {
  return mul(static_cast<T>(m), power_of_two<T>(-fraction));
}

