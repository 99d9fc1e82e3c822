// One elementary function of float64 against the C library's in long double (64 bits of mantissa), on samples.
//
// double.py writes function.inc: double ours(...), long double reference(...), OPERANDS, LIMIT, and TURNS, the numbers
// at which something changes.
//
//   double check COUNT SEED   COUNT samples of each kind; prints {"max_ulp", "at", "with", "wrong", "first_wrong", "samples"}
//   double map                float64 from stdin, results to stdout
//   double time               nanoseconds per value of a loop over 4096 values in [0.1, 0.9)

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "function.inc"

namespace {

struct Random {  // splitmix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014)
    uint64_t state;
    uint64_t next() {
        uint64_t z = (state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    double unit() { return double(next() >> 11) * 0x1p-53; }
    int below(int n) { return int(next() % uint64_t(n)); }
};

constexpr double RANGES[] = {1e-3, 1, 2, 10, 50, 760};
constexpr int KINDS = 6;  // of samples: see sample()

double nudged(double x, int64_t steps) { return bits<double>(bits<int64_t>(x) + steps); }

double sample(Random& random, int kind) {
    const double sign = random.next() & 1 ? -1 : 1;
    switch (kind) {
        case 0: return bits<double>(random.next());
        case 1: return sign * std::ldexp(1 + random.unit(), random.below(80) - 65);
        case 2: return sign * RANGES[random.below(int(sizeof RANGES / sizeof *RANGES))] * random.unit();
        case 3: {  // the nearest float64 to a multiple, of any size up to the limit
            const uint64_t n = random.next() >> (13 + random.below(50));
            return sign * nudged(double((long double)n * 1.57079632679489661923132169163975144L), random.below(3) - 1);
        }
        case 4: return sign * nudged(TURNS[random.below(int(sizeof TURNS / sizeof *TURNS))], random.below(2001) - 1000);
        default: return sign * bits<double>(random.next() >> (12 + random.below(48)));
    }
}

// An exponent for which the power of x is mostly neither 0 nor infinite; sometimes a whole one, sometimes anything.
double exponent(Random& random, double x) {
    const int kind = random.below(8);
    if (kind == 0) return bits<double>(random.next());
    if (kind == 1) return double(random.below(41) - 20);
    const double y = (1460 * random.unit() - 750) / std::log(std::fabs(x));
    return x < 0 || kind == 2 ? std::floor(y) : y;
}

long double ulp(long double y) {
    int power;
    std::frexp(y, &power);
    return std::ldexp(1.0L, (power < -1021 ? -1021 : power) - 53);
}

bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || bits<uint64_t>(a) == bits<uint64_t>(b);
}

int check(uint64_t count, uint64_t seed) {
    Random random{seed};
    long double worst = 0;
    double at = 0, with = 0, first_wrong = 0;
    uint64_t wrong = 0, samples = 0;
    for (int kind = 0; kind < KINDS; ++kind)
        for (uint64_t i = 0; i < count; ++i) {
            double x = sample(random, kind);
            const double y = OPERANDS == 2 ? exponent(random, x) : 0;
            const bool beyond = std::fabs(x) > LIMIT && !std::isinf(x);
            const long double exact = reference(beyond ? std::copysign(0.0, x) : x, y);
            const double got = ours(x, y);
            ++samples;
            if (exact == 0 || std::isnan(exact) || std::isinf(double(exact)) || !std::isfinite(got)) {
                if (!same(got, double(exact)) && !wrong++) first_wrong = x;
                continue;
            }
            const long double error = std::fabs((long double)got - exact) / ulp(exact);
            if (error > worst) worst = error, at = x, with = y;
        }
    std::printf(
        "{\"max_ulp\": %.4Lf, \"at\": \"%a\", \"with\": \"%a\", \"wrong\": %" PRIu64
        ", \"first_wrong\": \"%a\", \"samples\": %" PRIu64 "}\n",
        worst, at, with, wrong, first_wrong, samples);
    return 0;
}

int map() {
    double x[OPERANDS], y;
    while (std::fread(x, sizeof *x, OPERANDS, stdin) == OPERANDS) {
        y = ours(x[0], x[OPERANDS - 1]);
        std::fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}

int time() {
    constexpr int BLOCK = 4096;
    double x[BLOCK], y[BLOCK], best = 1e9;
    for (int i = 0; i < BLOCK; ++i) x[i] = 0.1 + 0.8 * double(i) / BLOCK;
    for (int round = 0; round < 200; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < BLOCK; ++i) y[i] = ours(x[i], 1.7);
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
    if (mode == "check" && argc == 4) return check(std::strtoull(argv[2], nullptr, 0), std::strtoull(argv[3], nullptr, 0));
    if (mode == "map") return map();
    if (mode == "time") return time();
    return 2;
}
