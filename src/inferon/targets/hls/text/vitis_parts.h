// The same number in a type with a sign: signed and unsigned are not compared with each other.
template <int W>
inline ap_int<W + 1> with_sign(const ap_int<W>& index) {
  return index;
}

template <int W>
inline ap_int<W + 1> with_sign(const ap_uint<W>& index) {
  return index;
}

// Which entry of a table belongs to a value: the first one is that of the lowest.
template <int W, int I>
inline int entry(const ap_ufixed<W, I>& value) {
  ap_uint<W> bits;
  bits.range(W - 1, 0) = value.range(W - 1, 0);
  return bits.to_int();
}

template <int W, int I>
inline int entry(const ap_fixed<W, I>& value) {
  ap_uint<W> bits;
  bits.range(W - 1, 0) = value.range(W - 1, 0);
  return bits.to_int() ^ (1 << (W - 1));
}
