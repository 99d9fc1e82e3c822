// The weights: immutable, shared by all threads, aligned to 64 bytes. They stay where they are: this is only a pointer.
struct Weights {
  const unsigned char* data;
};

// Whether bytes, read or mapped from a file, are the weights of this model: size, alignment and checksum.
INFERON_HIDDEN bool check_weights(const void* bytes, std::size_t size) noexcept {
  if (size != Meta::weight_bytes) return false;
  if (reinterpret_cast<std::uintptr_t>(bytes) % 64 != 0) return false;
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, static_cast<const unsigned char*>(bytes) + i, 8);
    hash = (hash ^ word) * 0x100000001b3u;
  }
  return hash == @{hash};
}

// Takes such bytes as the weights where they are those of this model; says whether they are.
INFERON_HIDDEN bool load_weights(const void* bytes, std::size_t size, Weights& weights) noexcept {
  const bool fits = check_weights(bytes, size);
  if (fits) weights.data = static_cast<const unsigned char*>(bytes);
  return fits;
}

// Scratch memory for one call at a time.
struct Workspace {
  alignas(64) unsigned char bytes[Meta::workspace_bytes];

  // The bytes for a new call. The compiler shall not mix its steps with those of a call before, which had other types there.
  INFERON_INLINE unsigned char* anew() noexcept {
    unsigned char* begin = bytes;
    __asm__ __volatile__("" : "+r"(begin) : : "memory");
    return begin;
  }
};
