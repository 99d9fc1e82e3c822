#!/usr/bin/env bash
# An environment with hls4ml, apart from ours: scripts/hls4ml.sh [FOLDER]
#
# Makes FOLDER (.venv-hls4ml) and records what hls4ml's own emulation computes for the networks of
# tests/differential/hls4ml_networks.py into tests/golden/hls4ml_outputs.npz.  Takes minutes: each
# network is compiled against the open headers that hls4ml brings.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${1:-.venv-hls4ml}"
test -x "$folder/bin/python" || "${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --quiet "hls4ml[onnx]==1.3.0" "qonnx==1.0.0" "keras==3.10.0" jax scipy
"$folder/bin/python" benchmarks/hls4ml/record.py tests/golden/hls4ml_outputs.npz
