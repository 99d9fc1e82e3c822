// The three models and the two kinds of sums, in every order and in several schedules.
#pragma once
#include <cstring>

#include "dense.hpp"

constexpr int kBatch = 256;  // events in a batch

/// A run-time choice of tile sizes. It never changes a bit; the study takes the fastest one.
template <int Rows, int Tile, bool AtOnce>
struct Schedule {
  static constexpr int rows = Rows, tile = Tile;
  static constexpr bool at_once = AtOnce;  // all strands, or one in turn
};

/// Several dense layers with their lanes over outputs, R rows at a time.
template <class O, class S, bool ReluAtEnd, int K, int N, int... Rest>
struct MlpRows {
  static constexpr bool last = sizeof...(Rest) == 0;
  using Layer = DenseRows<O, K, N, S::rows, S::tile, S::at_once, !last || ReluAtEnd>;

  static const float* pack(Packed* p, const float* raw) {
    Layer::pack(*p, raw, raw + K * N);
    if constexpr (last)
      return raw + K * N + N;
    else
      return MlpRows<O, S, ReluAtEnd, N, Rest...>::pack(p + 1, raw + K * N + N);
  }
  /// The result lies [row][padded(outputs)] in y.
  static ALWAYS_INLINE void run(const Packed* p, const float* x, int ldx, float* y) {
    if constexpr (last) {
      Layer::run(*p, x, ldx, y);
    } else {
      alignas(64) float hidden[S::rows * padded(N)];
      Layer::run(*p, x, ldx, hidden);
      MlpRows<O, S, ReluAtEnd, N, Rest...>::run(p + 1, hidden, padded(N), y);
    }
  }
};

/// The same with lanes over rows.
template <class O, class S, bool ReluAtEnd, int K, int N, int... Rest>
struct MlpLanes {
  static constexpr bool last = sizeof...(Rest) == 0;
  using Layer = DenseLanes<O, K, N, S::tile, S::at_once, !last || ReluAtEnd>;

  static const float* pack(Packed* p, const float* raw) {
    Layer::pack(*p, raw, raw + K * N);
    if constexpr (last)
      return raw + K * N + N;
    else
      return MlpLanes<O, S, ReluAtEnd, N, Rest...>::pack(p + 1, raw + K * N + N);
  }
  static ALWAYS_INLINE void run(const Packed* p, const float* x, float* y) {
    if constexpr (last) {
      Layer::run(*p, x, y);
    } else {
      alignas(64) float hidden[N * kWidest];
      Layer::run(*p, x, hidden);
      MlpLanes<O, S, ReluAtEnd, N, Rest...>::run(p + 1, hidden, y);
    }
  }
};

template <int... Sizes>
struct LastOf;
template <int A>
struct LastOf<A> {
  static constexpr int value = A;
};
template <int A, int... Rest>
struct LastOf<A, Rest...> : LastOf<Rest...> {};

template <int Width>
ALWAYS_INLINE void transpose_in(const float* x, int ldx, float* out) {
  for (int lane = 0; lane < kWidest; ++lane)
    for (int k = 0; k < Width; ++k) out[k * kWidest + lane] = x[lane * ldx + k];
}

/// An MLP of one event, of a batch in tiles of rows, or of a batch with its events in lanes.
template <class O, class S, bool EventsInLanes, int In, int... Sizes>
struct MlpKernel {
  static constexpr int out = LastOf<Sizes...>::value;
  using Rows = MlpRows<O, S, false, In, Sizes...>;
  using Columns = MlpLanes<O, S, false, In, Sizes...>;
  static constexpr int events = EventsInLanes || S::rows > 1 ? kBatch : 1;

  static void setup(Packed* p, const float* raw) {
    if constexpr (EventsInLanes)
      Columns::pack(p, raw);
    else
      Rows::pack(p, raw);
  }

  static void run(const Packed* p, const float* x, float* y) {
    if constexpr (EventsInLanes) {
      for (int event = 0; event < events; event += kWidest) {
        alignas(64) float columns[In * kWidest], result[out * kWidest];
        transpose_in<In>(x + event * In, In, columns);
        Columns::run(p, columns, result);
        for (int lane = 0; lane < kWidest; ++lane)
          for (int j = 0; j < out; ++j) y[(event + lane) * out + j] = result[j * kWidest + lane];
      }
    } else {
      for (int event = 0; event < events; event += S::rows) {
        alignas(64) float result[S::rows * padded(out)];
        Rows::run(p, x + event * In, In, result);
        for (int r = 0; r < S::rows; ++r)
          std::memcpy(y + (event + r) * out, result + r * padded(out), out * sizeof(float));
      }
    }
  }
};

/// Strands of a sum over rows, kept in memory as [strand][Width]; row k goes to strand k mod n.
template <int Strands, int Width>
struct RowSum {
  static constexpr int W = kWidest;
  using L = Lanes<W>;
  alignas(64) float strand[Strands * Width];

  ALWAYS_INLINE void clear() {
    for (int i = 0; i < Strands * Width; i += W) L::store(strand + i, L::set(-0.0f));
  }
  ALWAYS_INLINE void add(int row, const float* values) {
    float* s = strand + (row % Strands) * Width;
    for (int i = 0; i < Width; i += W) L::store(s + i, L::add(L::load(s + i), L::load(values + i)));
  }
  ALWAYS_INLINE void join(float* out) {
    for (int i = 0; i < Width; i += W) {
      typename L::V s[Strands];
      unroll<Strands>([&](auto c) { s[c] = L::load(strand + c * Width + i); });
      L::store(out + i, join_halves<Strands, L>(s));
    }
  }
};

constexpr int kParticles = 150;

/// Deep Sets, one event or a batch. The particle network runs in tiles of Phi::rows particles, whose
/// results go straight into the strands of the sum. The head runs Head::rows events at a time.
template <class PhiOrder, class HeadOrder, int SumStrands, class Phi, class Head>
struct DeepSetsKernel {
  static constexpr int events = Head::rows > 1 ? kBatch : 1;
  static constexpr int rest = kParticles % Phi::rows;
  using PhiRows = MlpRows<PhiOrder, Phi, true, 3, 16, 64, 64>;
  using PhiRest = MlpRows<PhiOrder, Schedule<rest ? rest : 1, Phi::tile, Phi::at_once>, true,
                          3, 16, 64, 64>;
  using HeadRows = MlpRows<HeadOrder, Head, false, 64, 64, 5>;

  static void setup(Packed* p, const float* raw) { HeadRows::pack(p + 3, PhiRows::pack(p, raw)); }

  static void pool(const Packed* p, const float* x, float* pooled) {
    RowSum<SumStrands, 64> sum;
    sum.clear();
    int first = 0;
    for (; first + Phi::rows <= kParticles; first += Phi::rows) {
      alignas(64) float tile[Phi::rows * 64];
      PhiRows::run(p, x + first * 3, 3, tile);
      for (int r = 0; r < Phi::rows; ++r) sum.add(first + r, tile + r * 64);
    }
    if constexpr (rest != 0) {
      alignas(64) float tile[rest * 64];
      PhiRest::run(p, x + first * 3, 3, tile);
      for (int r = 0; r < rest; ++r) sum.add(first + r, tile + r * 64);
    }
    sum.join(pooled);
  }

  static void run(const Packed* p, const float* x, float* y) {
    for (int event = 0; event < events; event += Head::rows) {
      alignas(64) float pooled[Head::rows * 64], result[Head::rows * padded(5)];
      for (int r = 0; r < Head::rows; ++r)
        pool(p, x + (event + r) * kParticles * 3, pooled + r * 64);
      HeadRows::run(p + 3, pooled, 64, result);
      for (int r = 0; r < Head::rows; ++r)
        std::memcpy(y + (event + r) * 5, result + r * padded(5), 5 * sizeof(float));
    }
  }
};

/// The same batch with events in lanes throughout: the sum runs over another axis than the lanes.
template <class PhiOrder, class HeadOrder, int SumStrands, class S>
struct DeepSetsLanesKernel {
  static constexpr int events = kBatch;
  using Phi = MlpLanes<PhiOrder, S, true, 3, 16, 64, 64>;
  using Head = MlpLanes<HeadOrder, S, false, 64, 64, 5>;

  static void setup(Packed* p, const float* raw) { Head::pack(p + 3, Phi::pack(p, raw)); }

  static void run(const Packed* p, const float* x, float* y) {
    for (int event = 0; event < events; event += kWidest) {
      RowSum<SumStrands, 64 * kWidest> sum;
      sum.clear();
      for (int particle = 0; particle < kParticles; ++particle) {
        alignas(64) float columns[3 * kWidest], hidden[64 * kWidest];
        transpose_in<3>(x + (event * kParticles + particle) * 3, kParticles * 3, columns);
        Phi::run(p, columns, hidden);
        sum.add(particle, hidden);
      }
      alignas(64) float pooled[64 * kWidest], result[5 * kWidest];
      sum.join(pooled);
      Head::run(p + 3, pooled, result);
      for (int lane = 0; lane < kWidest; ++lane)
        for (int j = 0; j < 5; ++j) y[(event + lane) * 5 + j] = result[j * kWidest + lane];
    }
  }
};

/// A sum over K rows of 64 numbers, lanes along the 64: x is [K][64].
template <int Strands, int K, int Tile>
struct SumAcross {
  static constexpr int events = 1, W = kWidest;
  using L = Lanes<W>;
  static void setup(Packed*, const float*) {}
  static void run(const Packed*, const float* x, float* y) {
    for (int first = 0; first < 64; first += Tile * W) {
      typename L::V acc[Strands][Tile];
      unroll<Strands>([&](auto c) { unroll<Tile>([&](auto t) { acc[c][t] = L::set(-0.0f); }); });
      constexpr int whole = K / Strands * Strands;
      for (int k = 0; k < whole; k += Strands) add<Strands>(acc, x + k * 64 + first);
      add<K - whole>(acc, x + whole * 64 + first);
      unroll<Tile>([&](auto t) {
        typename L::V s[Strands];
        unroll<Strands>([&](auto c) { s[c] = acc[c][t]; });
        L::store(y + first + t * W, join_halves<Strands, L>(s));
      });
    }
  }
  template <int Count>
  static ALWAYS_INLINE void add(typename L::V (&acc)[Strands][Tile], const float* x) {
    unroll<Count>([&](auto c) {
      unroll<Tile>([&](auto t) { acc[c][t] = L::add(acc[c][t], L::load(x + c * 64 + t * W)); });
    });
  }
};

/// Sums over K neighboring numbers, lanes along the summed axis: x is [Count][K].
template <int Strands, int K, int Rows, int Count = 64>
struct SumAlong {
  static constexpr int events = 1;
  static void setup(Packed*, const float*) {}
  static void run(const Packed*, const float* x, float* y) {
    for (int row = 0; row < Count; row += Rows) some_rows(x + row * K, y + row);
  }

  static ALWAYS_INLINE void some_rows(const float* x, float* y) {
    if constexpr (Strands == 1) {
      float s[Rows];
      for (float& v : s) v = -0.0f;
      UNROLL_4
      for (int k = 0; k < K; ++k) unroll<Rows>([&](auto r) { s[r] += x[r * K + k]; });
      for (int r = 0; r < Rows; ++r) y[r] = s[r];
    } else {
      constexpr int W = Strands < kWidest ? Strands : kWidest, parts = Strands / W;
      using L = Lanes<W>;
      typename L::V s[Rows][parts];
      unroll<Rows>([&](auto r) { unroll<parts>([&](auto i) { s[r][i] = L::set(-0.0f); }); });
      for (int k = 0; k + Strands <= K; k += Strands)
        unroll<Rows>([&](auto r) {
          unroll<parts>([&](auto i) { s[r][i] = L::add(s[r][i], L::load(x + r * K + k + i * W)); });
        });
      unroll<Rows>([&](auto r) {
        unroll<parts>([&](auto i) {
          constexpr int first = K / Strands * Strands + i * W;
          if constexpr (first < K)
            s[r][i] = L::add(s[r][i], L::load_some(x + r * K + first, K - first));
        });
        typename L::V joined = join_halves<parts, L>(s[r]);
        y[r] = join_lanes<W>(joined);
      });
    }
  }

  template <int W>
  static ALWAYS_INLINE float join_lanes(typename Lanes<W>::V v) {
    if constexpr (W == 4) {
      v = _mm_add_ps(v, _mm_movehl_ps(v, v));
      return _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps(v, v, 1)));
    } else if constexpr (W == 8) {
      return join_lanes<4>(_mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)));
    } else {
#if defined(__AVX512F__)
      return join_lanes<8>(
          _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
#endif
    }
  }
};

/// Without any order: the plain loop. Only meaningful where -ffast-math lets the compiler choose.
template <int K, bool Along>
struct SumPlain {
  static constexpr int events = 1;
  static void setup(Packed*, const float*) {}
  static void run(const Packed*, const float* x, float* y) {
    if constexpr (Along) {
      for (int j = 0; j < 64; ++j) {
        float s = 0.0f;
        for (int k = 0; k < K; ++k) s += x[j * K + k];
        y[j] = s;
      }
    } else {
      for (int j = 0; j < 64; ++j) y[j] = 0.0f;
      for (int k = 0; k < K; ++k)
        for (int j = 0; j < 64; ++j) y[j] += x[k * 64 + j];
    }
  }
};

/// One product of M rows with K x N weights, M at once: when do few rows need strands?
template <class O, int M, int K, int N, int VT>
struct FewRows {
  static constexpr int events = 1;
  using Layer = DenseRows<O, K, N, M, VT, true, true>;
  static void setup(Packed* p, const float* raw) { Layer::pack(*p, raw, raw + K * N); }
  static void run(const Packed* p, const float* x, float* y) { Layer::run(*p, x, K, y); }
};

/// One row times K x 16 weights, K known at run time only (K <= 256): strided or contiguous strands?
template <int C, bool Strided>
struct RuntimeLength {
  static constexpr int events = 1, N = 16, W = kWidest, VT = N / W;
  using L = Lanes<W>;
  static void setup(Packed* p, const float* raw) {
    pack_tiles(*p, raw, raw + 256 * N, 256, N, N, VT * W);
  }
  static __attribute__((noinline)) void product(const Packed* p, const float* x, int k_size,
                                                float* y) {
    const int range = (k_size + C - 1) / C;
    const int last = k_size - (C - 1) * range;
    const int full = Strided ? k_size / C : last > 0 ? last : 0;
    for (int first = 0; first < N; first += VT * W) {
      const float* w = p->weights + first * 256;
      typename L::V acc[C][VT];
      unroll<C>([&](auto c) { unroll<VT>([&](auto v) { acc[c][v] = L::set(0.0f); }); });
      auto step = [&](auto c, int k) {
        unroll<VT>([&](auto v) {
          acc[c][v] = L::fma(L::set(x[k]), L::load(w + k * VT * W + v * W), acc[c][v]);
        });
      };
      for (int i = 0; i < full; ++i)
        unroll<C>([&](auto c) { step(c, Strided ? i * C + c : c * range + i); });
      unroll<C>([&](auto c) {
        if constexpr (Strided) {
          if (full * C + c < k_size) step(c, full * C + c);
        } else {
          const int end = (c + 1) * range < k_size ? (c + 1) * range : k_size;
          for (int k = c * range + full; k < end; ++k) step(c, k);
        }
      });
      unroll<VT>([&](auto v) {
        typename L::V s[C];
        unroll<C>([&](auto c) { s[c] = acc[c][v]; });
        L::store(y + first + v * W, join_halves<C, L>(s));
      });
    }
  }
  static void run(const Packed* p, const float* x, float* y) {
    int length = 150;
    asm volatile("" : "+r"(length));  // the compiler must not know it
    product(p, x, length, y);
  }
};
