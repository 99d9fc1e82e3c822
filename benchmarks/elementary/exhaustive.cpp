// All 2^32 inputs of one elementary function against the C library's in double precision.
//
// exhaustive.py writes function.inc: float ours(float), double reference(double), and the promises
// LIMIT and SMALLEST (see RealFunction).
//
//   exhaustive check FIRST LAST   inputs by bits; prints {"max_ulp", "at", "wrong", "first_wrong"}
//   exhaustive map                float32 from stdin, results to stdout
//   exhaustive time               nanoseconds per value of a loop over 4096 values in [0.1, 4)

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "function.inc"

namespace {

constexpr int BLOCK = 4096;

void apply(const float* x, float* y, int n) {
    for (int i = 0; i < n; ++i) y[i] = ours(x[i]);
}

// The exact result that is promised for x.
double promised(float x) {
    const bool beyond = std::fabs(x) > LIMIT && !std::isinf(x);
    const double y = reference(beyond ? std::copysign(0.0, double(x)) : double(x));
    return std::fabs(y) < SMALLEST ? 0.0 : y;
}

// The distance of the two float32 around y.
double ulp(double y) {
    const uint64_t exponent = bits<uint64_t>(y) >> 52 & 2047, smallest = 1023 - 126;  // of a normal float32
    return bits<double>(((exponent < smallest ? smallest : exponent) - 23) << 52);
}

bool special(double y) { return y == 0 || std::isnan(y) || std::isinf(float(y)); }

bool same(float a, float b) {
    return (std::isnan(a) && std::isnan(b)) || bits<uint32_t>(a) == bits<uint32_t>(b);
}

int check(uint64_t first, uint64_t last) {
    float x[BLOCK], y[BLOCK], at = 0, first_wrong = 0;
    double worst = 0;
    uint64_t wrong = 0;
    for (uint64_t start = first; start < last; start += BLOCK) {
        const int n = int(last - start < BLOCK ? last - start : BLOCK);
        for (int i = 0; i < n; ++i) x[i] = bits<float>(uint32_t(start + uint64_t(i)));
        apply(x, y, n);
        for (int i = 0; i < n; ++i) {
            const double exact = promised(x[i]);
            if (special(exact) || !std::isfinite(y[i])) {
                if (same(y[i], float(exact))) continue;
                if (!wrong++) first_wrong = x[i];
                continue;
            }
            const double error = std::fabs(double(y[i]) - exact) / ulp(exact);
            if (error > worst) worst = error, at = x[i];
        }
    }
    std::printf("{\"max_ulp\": %.4f, \"at\": %.9g, \"wrong\": %" PRIu64 ", \"first_wrong\": \"%a\"}\n",
                worst, double(at), wrong, double(first_wrong));
    return 0;
}

int map() {
    float x[BLOCK], y[BLOCK];
    while (const size_t n = std::fread(x, sizeof *x, BLOCK, stdin)) {
        apply(x, y, int(n));
        std::fwrite(y, sizeof *y, n, stdout);
    }
    return 0;
}

int time() {
    float x[BLOCK], y[BLOCK];
    for (int i = 0; i < BLOCK; ++i) x[i] = 0.1f + 3.9f * float(i) / BLOCK;
    double best = 1e9;
    for (int round = 0; round < 200; ++round) {
        const auto start = std::chrono::steady_clock::now();
        apply(x, y, BLOCK);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        asm volatile("" : : "r"(y) : "memory");
        if (took.count() < best) best = took.count();
    }
    std::printf("%.3f\n", best / BLOCK);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "check" && argc == 4)
        return check(std::strtoull(argv[2], nullptr, 0), std::strtoull(argv[3], nullptr, 0));
    if (mode == "map") return map();
    if (mode == "time") return time();
    return 2;
}
