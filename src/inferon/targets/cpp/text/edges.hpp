// ----------------------------------------------------------------------------------------------- edges

// How callers hold their events.  An edge takes some of them from there into the workspace, as (element, event),
// and gives the results back: 16 events are a tile, one event is a row.
constexpr index events_in_tile = @{events_in_tile};

// to[r][c] = from[c][r]
template <index rows, index columns, class T>
INFERON_INLINE void turned_copy(const T* from, T* to) noexcept {
  if constexpr (rows == 1 || columns == 1) std::memcpy(to, from, rows * columns * sizeof(T));
  else if constexpr (std::is_same<T, float>::value) turned<rows, columns>(from, rows, to, columns);
  else
    for (index r = 0; r < rows; ++r)
      for (index c = 0; c < columns; ++c) to[r * columns + c] = from[c * rows + r];
}

// The rows of a set: those of event i begin at offsets[i] and end at offsets[i + 1].
struct Offsets {
  const std::int64_t* offsets;

  // How many rows of an event there are for a model that takes so many at most.
  INFERON_INLINE index rows(std::size_t event, index most) const noexcept {
    const std::int64_t found = offsets[event + 1] - offsets[event];
    return found < 0 ? 0 : found < most ? static_cast<index>(found) : most;
  }
};
template <index most, class T>
struct RaggedSet : Offsets {
  const T* values;
};
template <index most>
struct RaggedMask : Offsets {};
template <index most>
struct RaggedCount : Offsets {};

// Events one behind the other, from some event on.
template <index events>
struct Rows {
  std::size_t event;

  template <index elements, class T>
  INFERON_INLINE void take(number<elements>, const T* rows, T* to) const noexcept {
    turned_copy<elements, events>(rows + event * elements, to);
  }
  template <index elements, class T>
  INFERON_INLINE void give(number<elements>, const T* from, T* rows) const noexcept {
    turned_copy<events, elements>(from, rows + event * elements);
  }

  template <index elements, index most, class T>
  INFERON_INLINE void take(number<elements>, RaggedSet<most, T> set, T* to) const noexcept {
    constexpr index features = elements / most;
    std::memset(to, 0, elements * events * sizeof(T));
    for (index i = 0; i < events; ++i) {
      const index there = set.rows(event + i, most) * features;
      const T* from = there ? set.values + set.offsets[event + i] * features : nullptr;
      for (index k = 0; k < there; ++k) to[k * events + i] = from[k];
    }
  }
  template <index elements, index most, class T>
  INFERON_INLINE void take(number<elements>, RaggedMask<most> mask, T* to) const noexcept {
    for (index i = 0; i < events; ++i) {
      const index there = mask.rows(event + i, most);
      for (index k = 0; k < elements; ++k) to[k * events + i] = static_cast<T>(k < there);
    }
  }
  template <index elements, index most, class T>
  INFERON_INLINE void take(number<elements>, RaggedCount<most> count, T* to) const noexcept {
    for (index i = 0; i < events; ++i) to[i] = static_cast<T>(count.rows(event + i, most));
  }
};

// A column for each element, from some event on. The loops over elements stand by themselves: a model may have many
// arguments, and the copy of a register is no place to win by unrolling.
template <index events, class T>
[[gnu::noinline]] inline void from_columns(const T* const* columns, std::size_t event, T* to, index elements) noexcept {
  for (index k = 0; k < elements; ++k) std::memcpy(to + k * events, columns[k] + event, events * sizeof(T));
}
template <index events, class T>
[[gnu::noinline]] inline void to_columns(const T* from, T* const* columns, std::size_t event, index elements) noexcept {
  for (index k = 0; k < elements; ++k) std::memcpy(columns[k] + event, from + k * events, events * sizeof(T));
}
template <index events>
struct Columns {
  std::size_t event;

  template <index elements, class T>
  INFERON_INLINE void take(number<elements>, const T* const* columns, T* to) const noexcept {
    from_columns<events>(columns, event, to, elements);
  }
  template <index elements, class T>
  INFERON_INLINE void give(number<elements>, const T* from, T* const* columns) const noexcept {
    to_columns<events>(from, columns, event, elements);
  }
};

template <class Pack, class T>
constexpr std::size_t lanes_of() noexcept {
  static_assert(std::is_trivially_copyable<Pack>::value, "a pack of plain values");
  constexpr std::size_t count = sizeof(Pack) / sizeof(T);
  static_assert(count * sizeof(T) == sizeof(Pack) && events_in_tile % count == 0, "1, 2, 4, 8 or 16 lanes");
  return count;
}

// A pack for each element, with an event in each of its lanes; they fill a tile once or several times.
struct Packs {
  template <index elements, class T, class Pack>
  INFERON_INLINE void take(number<elements>, const Pack* packs, T* to) const noexcept {
    constexpr index size = sizeof(Pack) / sizeof(T);
    for (index k = 0; k < elements; ++k)
      for (index i = 0; i < events_in_tile; i += size) std::memcpy(to + k * events_in_tile + i, packs + k, sizeof(Pack));
  }
  template <index elements, class T, class Pack>
  INFERON_INLINE void give(number<elements>, const T* from, Pack* packs) const noexcept {
    for (index k = 0; k < elements; ++k) std::memcpy(packs + k, from + k * events_in_tile, sizeof(Pack));
  }
};

// One lane of such packs.
struct Lane {
  std::size_t lane;

  template <index elements, class T, class Pack>
  INFERON_INLINE void take(number<elements>, const Pack* packs, T* to) const noexcept {
    for (index k = 0; k < elements; ++k)
      std::memcpy(to + k, reinterpret_cast<const unsigned char*>(packs + k) + lane * sizeof(T), sizeof(T));
  }
  template <index elements, class T, class Pack>
  INFERON_INLINE void give(number<elements>, const T* from, Pack* packs) const noexcept {
    for (index k = 0; k < elements; ++k)
      std::memcpy(reinterpret_cast<unsigned char*>(packs + k) + lane * sizeof(T), from + k, sizeof(T));
  }
};
