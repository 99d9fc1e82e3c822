template <int W>
inline void put(ap_int<W>& to, std::int64_t from) {
  to = from;
}
template <int W>
inline void put(ap_uint<W>& to, std::uint64_t from) {
  to = from;
}
template <int W>
inline std::int64_t word(const ap_int<W>& from) {
  return from.to_int64();
}
template <int W>
inline std::uint64_t word(const ap_uint<W>& from) {
  return from.to_uint64();
}
template <int W, int I>
inline void put(ap_fixed<W, I>& to, std::int64_t from) {
  const ap_int<W> bits = from;
  to.range(W - 1, 0) = bits.range(W - 1, 0);
}
template <int W, int I>
inline void put(ap_ufixed<W, I>& to, std::int64_t from) {
  const ap_uint<W> bits = from;
  to.range(W - 1, 0) = bits.range(W - 1, 0);
}
template <int W, int I>
inline std::int64_t word(const ap_fixed<W, I>& from) {
  ap_int<W> bits;
  bits.range(W - 1, 0) = from.range(W - 1, 0);
  return bits.to_int64();
}
template <int W, int I>
inline std::int64_t word(const ap_ufixed<W, I>& from) {
  ap_uint<W> bits;
  bits.range(W - 1, 0) = from.range(W - 1, 0);
  return bits.to_int64();
}

