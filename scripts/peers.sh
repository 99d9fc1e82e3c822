#!/usr/bin/env bash
# The peers of the firmware benchmark, each in an environment apart from ours: scripts/peers.sh
#
# Makes .venv-hls4ml and .venv-da4ml, then: python3 benchmarks/firmware/run.py \
#   --hls4ml .venv-hls4ml/bin/python --da4ml .venv-da4ml/bin/python
set -euo pipefail
cd "$(dirname "$0")/.."
make_environment() {
    test -x "$1/bin/python" || "${PYTHON:-python3}" -m venv "$1"
    "$1/bin/pip" install --quiet "${@:2}"
}
make_environment .venv-hls4ml "hls4ml[onnx]==1.3.0" "qonnx==1.0.0" "keras==3.10.0" jax scipy
make_environment .venv-da4ml "da4ml==0.6.0"
