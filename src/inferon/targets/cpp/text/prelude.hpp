#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "this header computes the same bits everywhere and cannot do so under -ffast-math"
#endif
#if defined(__x86_64__) && defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#else
#error "this header needs x86-64-v3 (-march=x86-64-v3: AVX2 and FMA) or AArch64"
#endif
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

// Not exported: two libraries in one process may hold different models of one name.
#ifndef INFERON_HIDDEN
#define INFERON_HIDDEN inline __attribute__((visibility("hidden")))
#endif
#ifndef INFERON_INLINE
#define INFERON_INLINE inline __attribute__((always_inline))
// A layer. Unoptimized code gives each variable a place of its own on the stack, so there a layer is a call: written in
// place, those of a transformer would take 12 MB at once.
#if defined(__OPTIMIZE__)
#define INFERON_LAYER INFERON_INLINE
#else
#define INFERON_LAYER inline
#endif
// A layer that takes so long that a call of it does not count.
#define INFERON_LONG_LAYER inline __attribute__((noinline))
// Behind the parameters of a function written in place: a call of it would put the sums of a tile into memory.
#if defined(__clang__)
#define INFERON_INLINED __attribute__((always_inline)) noexcept
#else
#define INFERON_INLINED noexcept __attribute__((always_inline))
#endif
#define INFERON_IF_INT(T) std::enable_if_t<std::is_integral<T>::value && !std::is_same<T, bool>::value, int> = 0
#if defined(__x86_64__)
#define INFERON_FLOAT_REGISTER(x) "+x"(x)
#else
#define INFERON_FLOAT_REGISTER(x) "+w"(x)
#endif
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define INFERON_ISA x86_64_v4
#elif defined(__AVX2__)
#define INFERON_ISA x86_64_v3
#else
#define INFERON_ISA aarch64
#endif
#endif
