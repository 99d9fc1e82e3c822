/* Calls every model through its C interface, with embedded weights and with those of its file.
   Prints one hash for each model; the first argument is the folder of the artefacts. */
#include <stdio.h>
#include <stdlib.h>

#include "events.h"
#include "models.h"

static int failures = 0;

static void expect(int holds, const char* model, const char* what) {
  if (!holds) {
    fprintf(stderr, "%s: %s\n", model, what);
    ++failures;
  }
}

static unsigned char* read_weights(const char* folder, const char* model, size_t* size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s/%s_weights.bin", folder, model, model);
  FILE* file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char* bytes = aligned_alloc(64, (*size + 127) / 64 * 64);
  if (!bytes || fread(bytes, 1, *size, file) != *size) exit(2);
  fclose(file);
  return bytes;
}

#define TRY(m)                                                                                \
  static void try_##m(const char* folder, size_t in, size_t out) {                            \
    float* x = malloc(EVENTS * in * sizeof *x);                                               \
    float* y = malloc(EVENTS * out * sizeof *y);                                              \
    float* z = malloc(EVENTS * out * sizeof *z);                                              \
    void* scratch = aligned_alloc(64, (m##_workspace_bytes() + 63) / 64 * 64);                \
    make_events(x, EVENTS * in);                                                              \
    expect(m##_evaluate(scratch, x, y, EVENTS) == 0, #m, "evaluate failed");                  \
    size_t size;                                                                              \
    unsigned char* weights = read_weights(folder, #m, &size);                                 \
    expect(m##_check_weights(weights, size) == 0, #m, "its own weights are refused");         \
    m##_evaluate_with(weights, scratch, x, z, EVENTS);                                        \
    const uint64_t hash = hash_of(y, EVENTS * out);                                           \
    expect(hash == hash_of(z, EVENTS * out), #m, "the weights of the file give other bits");  \
    expect(m##_check_weights(weights, size - 64) == 1, #m, "a short file is taken");          \
    expect(m##_check_weights(weights, size + 64) == 1, #m, "a long file is taken");           \
    expect(m##_check_weights(weights, 0) == 1, #m, "an empty file is taken");                 \
    for (size_t i = 0; i < size; i += size / 37 + 1) {                                        \
      weights[i] ^= 0x10;                                                                     \
      expect(m##_check_weights(weights, size) == 1, #m, "a flipped bit is taken");            \
      weights[i] ^= 0x10;                                                                     \
    }                                                                                         \
    memmove(weights + 4, weights, size);                                                      \
    expect(m##_check_weights(weights + 4, size) == 1, #m, "a misaligned address is taken");   \
    printf("%s %016llx\n", #m, (unsigned long long)hash);                                     \
    free(x), free(y), free(z), free(scratch), free(weights);                                  \
  }
FOR_EACH_MODEL(TRY)

int main(int count, char** arguments) {
  if (count != 2) return 2;
#define RUN(m) try_##m(arguments[1], m##_INPUTS, m##_OUTPUTS);
  FOR_EACH_MODEL(RUN)
  return failures ? 1 : 0;
}
