"""Timing of artefacts, and ONNX Runtime as the peer that is timed and compared in the same run."""
