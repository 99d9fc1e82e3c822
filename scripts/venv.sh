#!/usr/bin/env bash
# Makes a virtual environment with Inferon in it (editable), from the pinned versions.
#
#   scripts/venv.sh DIR EXTRAS      for example: scripts/venv.sh .venv demo
#
# Quick when nothing has changed: a stamp in DIR holds everything the result depends on.
# Needs python3 >= 3.11 with pip; Debian's separate python3-venv package is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$1
extras=$2
python=${PYTHON:-python3}

fail() {
    printf 'venv: %s\n' "$*" >&2
    exit 1
}

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))') ||
    fail "Inferon needs Python 3.11 or newer, '$python' is ${version:-not there}. Name another one: make PYTHON=python3.12 ..."

stamp="$dir/inferon.stamp"
wanted="$PWD|$("$python" -c 'import sys; print(sys.base_prefix)')|$version|$extras|$(cat pyproject.toml constraints.txt scripts/venv.sh | cksum)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x "$dir/bin/python" ]; then
    exit 0
fi

"$python" -m pip --version >/dev/null 2>&1 ||
    fail "'$python' has no pip. On Debian or Ubuntu: apt install python3-pip"

echo "venv: making $dir (inferon[$extras], Python $version)" >&2
# --without-pip, and the pip of the system acting on it: works where ensurepip is missing, and is quicker.
"$python" -m venv --clear --without-pip "$dir"
# Wheels only: nothing is compiled here, and no package's own build script runs.
"$python" -m pip --python "$dir/bin/python" install --quiet --disable-pip-version-check \
    --only-binary=:all: --constraint constraints.txt --editable ".[$extras]"
printf '%s' "$wanted" >"$stamp"
