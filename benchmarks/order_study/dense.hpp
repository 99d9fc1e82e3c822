// One dense layer y = relu(x W + b), with its lanes over outputs or over rows (events, particles).
#pragma once
#include <vector>

#include "order.hpp"

/// Weights [K][N] and biases [N], packed for the kernels below: aligned, tiles one after the other.
struct Packed {
  std::vector<float> storage;
  float* weights = nullptr;
  float* bias = nullptr;

  void reserve(int floats, int biases) {
    storage.assign(static_cast<std::size_t>(floats + biases + 32), 0.0f);
    auto address = reinterpret_cast<std::size_t>(storage.data());
    weights = storage.data() + ((64 - address % 64) % 64) / sizeof(float);
    bias = weights + (floats + 15) / 16 * 16;
  }
};

/// Tiles of `tile` neighboring outputs, each [K][tile]; the last tile may be narrower.
inline void pack_tiles(Packed& p, const float* w, const float* b, int k_size, int n, int n_padded,
                       int tile) {
  p.reserve(k_size * n_padded, n_padded);
  float* out = p.weights;
  for (int first = 0; first < n_padded; first += tile) {
    const int last = first + tile < n_padded ? first + tile : n_padded;
    for (int k = 0; k < k_size; ++k)
      for (int j = first; j < last; ++j) *out++ = j < n ? w[k * n + j] : 0.0f;
  }
  for (int j = 0; j < n; ++j) p.bias[j] = b[j];
}

/// All strands of T accumulators at once. step(k, acc) adds element k to acc[0 .. T).
template <class O, int K, int T, class L, class Step>
ALWAYS_INLINE void run_strands(typename L::V (&acc)[O::strands][T], Step&& step) {
  constexpr int C = O::strands, common = O::count(C - 1, K);  // later strands are never longer
  UNROLL_4
  for (int i = 0; i < common; ++i)
    unroll<C>([&](auto c) { step(O::element(c, i, K), acc[c]); });
  unroll<C>([&](auto c) {
    for (int i = common; i < O::count(c, K); ++i) step(O::element(c, i, K), acc[c]);
  });
}

/// One strand after the other, in a loop: what a large tile needs, as C of it do not fit in registers.
template <class O, int K, int T, class L, class Step>
ALWAYS_INLINE void run_strands_in_turn(typename L::V (&part)[O::strands][T], Step&& step) {
  for (int c = 0; c < O::strands; ++c) {
    typename L::V acc[T];
    unroll<T>([&](auto t) { acc[t] = part[c][t]; });
    const int count = O::count(c, K);
    UNROLL_4
    for (int i = 0; i < count; ++i) step(O::element(c, i, K), acc);
    unroll<T>([&](auto t) { part[c][t] = acc[t]; });
  }
}

/// A tile of T chains: all strands at once, or one in turn; then joined, biased, activated.
template <class O, int K, bool AtOnce, int T, bool Relu, class L, class Step, class Bias,
          class Store>
ALWAYS_INLINE void run_tile(Step&& step, Bias&& bias, Store&& store) {
  using V = typename L::V;
  V part[O::strands][T];
  unroll<T>([&](auto t) {
    unroll<O::strands>([&](auto c) { part[c][t] = L::set(0.0f); });
    if constexpr (O::bias_start) part[0][t] = bias(t);
  });
  if constexpr (AtOnce || O::strands == 1)
    run_strands<O, K, T, L>(part, step);
  else
    run_strands_in_turn<O, K, T, L>(part, step);
  unroll<T>([&](auto t) {
    V s[O::strands];
    unroll<O::strands>([&](auto c) { s[c] = part[c][t]; });
    V y = join_halves<O::strands, L>(s);
    if constexpr (!O::bias_start) y = L::add(y, bias(t));
    if constexpr (Relu) y = L::relu(y);
    store(t, y);
  });
}

/// Lanes over outputs: R rows of x (stride ldx) times VT vectors of outputs a tile.
template <class O, int K, int N, int R, int VT, bool AtOnce, bool Relu>
struct DenseRows {
  static constexpr int W = width_for(N), vectors = padded(N) / W;
  static constexpr int tile = (VT < vectors ? VT : vectors) * W;
  using L = Lanes<W>;

  static void pack(Packed& p, const float* w, const float* b) {
    pack_tiles(p, w, b, K, N, padded(N), tile);
  }

  template <int Count>
  static ALWAYS_INLINE void one_tile(const Packed& p, int first, const float* x, int ldx,
                                     float* y) {
    const float* w = p.weights + first * K;
    auto step = [&](int k, typename L::V(&acc)[R * Count]) {
      unroll<Count>([&](auto v) {
        const auto column = L::load(w + k * Count * W + v * W);
        unroll<R>([&](auto r) {
          acc[r * Count + v] = L::fma(L::set(x[r * ldx + k]), column, acc[r * Count + v]);
        });
      });
    };
    auto bias = [&](auto t) { return L::load(p.bias + first + (t % Count) * W); };
    auto store = [&](auto t, auto v) {
      L::store(y + (t / Count) * padded(N) + first + (t % Count) * W, v);
    };
    run_tile<O, K, AtOnce, R * Count, Relu, L>(step, bias, store);
  }

  static ALWAYS_INLINE void run(const Packed& p, const float* x, int ldx, float* y) {
    constexpr int step = tile / W, whole = vectors / step;
    for (int i = 0; i < whole; ++i) one_tile<step>(p, i * tile, x, ldx, y);
    if constexpr (vectors % step != 0) one_tile<vectors % step>(p, whole * tile, x, ldx, y);
  }
};

/// Lanes over rows: x is [K][kWidest] (one row a lane), y is [N][kWidest]; RT outputs a tile.
template <class O, int K, int N, int RT, bool AtOnce, bool Relu>
struct DenseLanes {
  static constexpr int W = kWidest;
  using L = Lanes<W>;

  static void pack(Packed& p, const float* w, const float* b) { pack_tiles(p, w, b, K, N, N, RT); }

  template <int Count>
  static void one_tile(const Packed& p, int first, const float* x, float* y) {
    const float* w = p.weights + first * K;
    auto step = [&](int k, typename L::V(&acc)[Count]) {
      const auto row = L::load(x + k * W);
      unroll<Count>([&](auto t) { acc[t] = L::fma(row, L::set(w[k * Count + t]), acc[t]); });
    };
    auto bias = [&](auto t) { return L::set(p.bias[first + t]); };
    auto store = [&](auto t, auto v) { L::store(y + (first + t) * W, v); };
    run_tile<O, K, AtOnce, Count, Relu, L>(step, bias, store);
  }

  static ALWAYS_INLINE void run(const Packed& p, const float* x, float* y) {
    int first = 0;
    for (; first + RT <= N; first += RT) one_tile<RT>(p, first, x, y);
    if constexpr (N % RT != 0) one_tile<N % RT>(p, first, x, y);
  }
};
