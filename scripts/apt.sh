#!/usr/bin/env bash
# Installs the system tools that the tests use and this machine lacks, where that is possible:
# as root, on a Debian or Ubuntu with its package archive in reach. Elsewhere it says what is missing
# and succeeds: the tests that need an absent tool are skipped, and counted in the closing lines.
set -euo pipefail

# program, or file | package | what the tests use it for
tools='
g++      | g++      | compiles every emitted header; address and undefined-behavior sanitizers
clang++  | clang    | the second compiler: the same bits are expected from it
/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a | libclang-rt-dev | sanitizers of clang++
ld.lld   | lld      | links what clang++ optimizes as a whole
cmake    | cmake    | the emitted CMake package is built by a project of its own
aarch64-linux-gnu-g++ | g++-aarch64-linux-gnu | compiles emitted headers for AArch64
qemu-aarch64 | qemu-user | runs them: the same bits are expected from NEON
verilator | verilator | simulates emitted Verilog: the widest sweep
iverilog | iverilog | simulates it, and reads it as Verilog-2001 and nothing newer
ghdl     | ghdl     | simulates emitted VHDL
yosys    | yosys    | counts what emitted firmware takes of a device
yosys-config | yosys-dev | brings the headers of CXXRTL, the fourth simulator
chromium | chromium | opens the HTML report as a person would: scripts, layout, errors
'

present() {
    case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing_programs=()
missing_packages=()
while IFS='|' read -r program package purpose; do
    program=${program// /}
    [ -n "$program" ] || continue
    if ! present "$program"; then
        missing_programs+=("$program")
        missing_packages+=("${package// /}")
        echo "apt: $program is missing;$purpose"
    fi
done <<<"$tools"

if [ ${#missing_programs[@]} -eq 0 ]; then
    echo "apt: every system tool of the tests is here"
    exit 0
fi

give_up() {
    echo "apt: $1: not installed: ${missing_programs[*]}. Their tests are skipped and counted."
    exit 0
}

command -v apt-get >/dev/null 2>&1 || give_up "no apt-get on this system"
[ "$(id -u)" -eq 0 ] || give_up "not root (apt install ${missing_packages[*]})"

echo "apt: installing ${missing_packages[*]}"
export DEBIAN_FRONTEND=noninteractive
quick=(-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
packages=()
{
    apt-get update "${quick[@]}" &&
        for package in "${missing_packages[@]}"; do # older archives have some of them inside others
            if apt-cache show "$package"; then packages+=("$package"); fi
        done &&
        apt-get install --yes --no-install-recommends "${quick[@]}" "${packages[@]}"
} >"$log" 2>&1 </dev/null || {
    tail -n 5 "$log"
    give_up "apt-get failed"
}
echo "apt: installed ${packages[*]}"
