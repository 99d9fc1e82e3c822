// The same number in a type with a sign: signed and unsigned are not compared with each other.
template <int W, bool S>
inline ac_int<W + 1, true> with_sign(const ac_int<W, S>& index) {
  return index;
}

// Which entry of a table belongs to a value: the first one is that of the lowest.
template <int W, int I, bool S>
inline int entry(const ac_fixed<W, I, S>& value) {
  const ac_int<W, S> mantissa = value.template slc<W>(0);
  return mantissa.to_int() + (S ? 1 << (W - 1) : 0);
}
