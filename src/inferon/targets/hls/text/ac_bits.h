template <int W>
inline void put(ac_int<W, true>& to, std::int64_t from) {
  to = from;
}
template <int W>
inline void put(ac_int<W, false>& to, std::uint64_t from) {
  to = from;
}
template <int W>
inline std::int64_t word(const ac_int<W, true>& from) {
  return from.to_int64();
}
template <int W>
inline std::uint64_t word(const ac_int<W, false>& from) {
  return from.to_uint64();
}
template <int W, int I, bool S>
inline void put(ac_fixed<W, I, S>& to, std::int64_t from) {
  to.set_slc(0, ac_int<W, S>(from));
}
template <int W, int I, bool S>
inline std::int64_t word(const ac_fixed<W, I, S>& from) {
  return from.template slc<W>(0).to_int64();
}

