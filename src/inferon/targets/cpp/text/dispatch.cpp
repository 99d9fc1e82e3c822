// The C interface of @{name}, on the best instruction set of the processor that it meets. Compile without -march.
#include "@{name}_c.h"

#if defined(__x86_64__)

extern "C" {
@{levels}

// The processor and the operating system have to agree; both are asked by the compiler's library before main.
static bool is_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
static bool is_v4() {
  return is_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const char* @{name}_instruction_set(void) { return is_v4() ? "x86-64-v4" : is_v3() ? "x86-64-v3" : "none"; }

size_t @{name}_workspace_bytes(void) { return @{workspace_bytes}; }

@{functions}
}

#else

#include "@{name}_c.cpp"

extern "C" const char* @{name}_instruction_set(void) { return "AArch64"; }

#endif
