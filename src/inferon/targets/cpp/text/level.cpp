// The C interface of @{name} for x86-64-@{level}: compile with -march=x86-64-@{level}.
#if defined(__x86_64__)
@{renamed}
#include "@{name}_c.cpp"

using namespace inferon::@{name}::x86_64_@{level};  // an error here: the option is missing
#endif
