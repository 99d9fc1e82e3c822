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
    // (a 1-D convolution on x86-64-v3 took 1.4 times as long, measured in turns).
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
// come in turn (in tiles of events on x86-64-v3 an event of 16-64-32-32-5 takes 98 ns, side by side 115 ns; one of a GRU
// with 20 terms in each sum 1,262 and 1,350 ns).
template <index rows, index columns, index terms, index S, class Body>
INFERON_INLINE void tiles(Body body) noexcept {
  constexpr index blocks = pieces(columns, lanes);
  constexpr bool in_turn = S > 1 && rows > 1 && tile_registers < 4 * S && terms >= 4 * S;
  constexpr index sums = tile_registers / (in_turn ? 1 : S);
  constexpr index V = tile_width(rows, blocks, sums);
  constexpr index R = pieces(rows, pieces(rows, most(1, sums / V)));  // tiles of nearly one height
  for (index block = 0; block + V <= blocks; block += V) tile_column<rows, R, V, S, in_turn>(block * lanes, body);
  if constexpr (blocks % V != 0)
    tile_column<rows, R, blocks % V, S, in_turn>((blocks - blocks % V) * lanes, body);
}

// Stores the lanes that lie before the end of a row.
template <index columns, class T, class V>
INFERON_INLINE void store_row(T* row, index column, V x) noexcept {
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
