"""What of an hls4ml configuration is refused, and where it says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.errors import InvalidModel, Unsupported, UsageError
from inferon.frontends.hls4ml import read_configuration
from inferon.frontends.hls4ml.precision import BadPrecision, parse_precision
from inferon.ir.types import Fixed
from inferon.load import load
from inferon.ops.mantissa import Overflow, Rounding
from tests.absent import needs_package
from tests.differential.hls4ml_networks import ONNX_CONFIG, onnx_network
from tests.unit.command_line import CommandLine

GOOD = """\
Backend: Vitis
IOType: io_parallel
OutputDir: my-hls-test
HLSConfig:
  Model:
    Precision: ap_fixed<16,6>
    ReuseFactor: 1
    Strategy: Latency
  LayerName:
    fc1:
      Precision:
        weight: ap_fixed<6,1>
        result: ap_ufixed<8,2,AP_RND,AP_SAT>
      Trace: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yml"
    path.write_text(text)
    return path


def gaps(source: Any) -> list[str]:
    with pytest.raises(Unsupported) as caught:
        read_configuration(source)
    return [str(each) for each in caught.value.gaps]


@needs_package("yaml")
def test_a_file_and_a_dictionary_say_the_same(tmp_path: Path) -> None:
    found = read_configuration(written(tmp_path, GOOD))
    weight, result = (found.precision("fc1", each) for each in ("weight", "result"))
    assert weight is not None
    assert weight.fixed == Fixed(True, 6, 1)
    assert result is not None
    assert (result.rounding, result.overflow) == (Rounding.HALF_UP, Overflow.SATURATE)
    model = {"Precision": "ap_fixed<16,6>"}
    same = read_configuration({"Model": model, "LayerName": {"fc1": {}}})
    assert same.precision("fc1", "accum") == found.precision("fc1", "accum")


REFUSED = {
    "ReuseFactor: 1": ("ReuseFactor: 4", "config.yml, line 7: ReuseFactor 4"),
    "Strategy: Latency": ("Strategy: Resource", "config.yml, line 8: Strategy Resource"),
    "io_parallel": ("io_stream", "config.yml, line 2: IOType io_stream"),
    "Backend: Vitis": ("Backend: Quartus", "config.yml, line 1: Backend Quartus"),
    "ap_fixed<16,6>": ("auto", "config.yml, line 6: the precision auto"),
    "Trace": ("Sparsity", "config.yml, line 14: the key Sparsity"),
    "ap_fixed<6,1>": ("ap_fixed<8,12>", "config.yml, line 12: ap_fixed<8,12>: 12 integer bits"),
    "  LayerName": ("  LayerType", "config.yml, line 9: the key LayerType"),
    "weight:": ("weigth:", "config.yml, line 12: a precision of weigth"),
    "ReuseFactor: 1\n": ("ReuseFactor: !!int x\n", "config.yml, line 7: ReuseFactor x"),
    "AP_RND,": ("AP_ROUND,", "config.yml, line 13: ap_ufixed<8,2,AP_ROUND,AP_SAT>: the rounding"),
    "AP_SAT>": ("AP_SAT_SYM>", "config.yml, line 13: ap_ufixed<8,2,AP_RND,AP_SAT_SYM>: symmetric"),
}


@needs_package("yaml")
@pytest.mark.parametrize("old", REFUSED)
def test_a_line_is_named(old: str, tmp_path: Path) -> None:
    new, message = REFUSED[old]
    (found,) = gaps(written(tmp_path, GOOD.replace(old, new, 1)))
    assert found.startswith(message)


def test_a_key_of_a_dictionary_is_named_and_all_at_once() -> None:
    config = {"Model": {"Precision": "auto", "ReuseFactor": 2}, "LayerName": {"a": {"Pruned": 1}}}
    assert [each.split(":")[0] for each in gaps(config)] == [
        "['Model']['ReuseFactor']",
        "['Model']['Precision']",
        "['LayerName']['a']['Pruned']",
    ]


WIDTHS = ["fixed<0,0>", "fixed<-3,1>", "fixed<65,6>", "fixed<63,6>", "fixed<8,12>"]
MODES = ["ufixed<8,2,RND,SAT_SYM>", "fixed<8,2,TRN,WRAP,3>", "fixed<8,2,TRN,CLIP>"]
TEXTS = ["float", "fixed<8>", "fixed<a,b>", "", "ac_fixed<8,2>", "fixed<8,2> x"]


@pytest.mark.parametrize("text", [*WIDTHS, *MODES, *TEXTS, 7, None])
def test_bad_precisions(text: Any) -> None:
    with pytest.raises(BadPrecision) as caught:
        parse_precision(text)
    assert caught.value.hint


def test_precisions_are_read() -> None:
    assert parse_precision("ap_uint<3>").fixed == Fixed(False, 3, 3)
    assert parse_precision("int<4>").fixed == Fixed(True, 4, 4)
    assert parse_precision(" fixed< 9 , -2 , trn_zero > ").rounding is Rounding.TOWARD_ZERO


@needs_package("yaml")
def test_an_alias_that_holds_itself_ends(tmp_path: Path) -> None:
    text = "Model: &m\n  Precision: fixed<8,2>\nLayerName:\n  a: &a\n    b: *a\n  c: *m\n"
    assert gaps(written(tmp_path, text)) == [
        "config.yml, line 5: the key b (try: Precision, ReuseFactor, Strategy, "
        "ParallelizationFactor, Compression, Trace, TraceOutput, BramFactor, ConvImplementation, "
        "TableSize)",
        "config.yml, line 6: 'an alias' where keys are expected (try: key: value)",
    ]


def test_numbers_that_no_target_holds_are_refused_by_layer() -> None:
    config = {"Model": {"Precision": "fixed<60,20>"}}
    with pytest.raises(Unsupported, match=r"MatMul_0: its numbers grow to \d+ bits"):
        inferon.from_hls4ml(onnx_network(), config)


@needs_package("yaml")
def test_the_verb_takes_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx
    import yaml

    onnx.save(onnx_network(), tmp_path / "net.onnx")
    (tmp_path / "config.yml").write_text(yaml.safe_dump(ONNX_CONFIG))
    run, out = CommandLine(capsys), tmp_path / "exact.inferon"
    words = ["quantize", tmp_path / "net.onnx", "--hls4ml", tmp_path / "config.yml", "-o", out]
    assert run(*words).code == 0
    assert load(out) == inferon.from_hls4ml(onnx_network(), ONNX_CONFIG)


@needs_package("yaml")
def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_configuration(tmp_path / "absent.yml")
    for text in ("- a\n- b\n", "a: [", ""):
        with pytest.raises(InvalidModel):
            read_configuration(written(tmp_path, text))


def test_layers_that_are_not_there_and_types_that_are_missing() -> None:
    config = {"LayerName": {**ONNX_CONFIG["LayerName"], "MatMul_7": {"Precision": "fixed<8,2>"}}}
    with pytest.raises(Unsupported) as caught:
        inferon.from_hls4ml(onnx_network(), config)
    text = str(caught.value)
    assert "['LayerName']['MatMul_7']: there is no layer MatMul_7 (try: Add_0, " in text
    assert "MatMul_1: no precision of weight" in text


class _Layer(SimpleNamespace):
    """Stands for a Keras layer: what the reader looks at."""


@needs_package("keras", "torch")
def test_functions_that_are_tables_of_hls4ml_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    from inferon.frontends.hls4ml.keras_layers import network_of_keras

    x, y = SimpleNamespace(shape=(None, 4)), SimpleNamespace(shape=(None, 2))
    given = type("InputLayer", (_Layer,), {})(name="x", input=x, output=x)
    kernel = np.zeros((4, 2), np.float32)
    dense = type("Dense", (_Layer,), {})(
        name="fc", input=x, output=y, kernel=kernel, use_bias=False, activation="softmax"
    )
    with pytest.raises(Unsupported, match="fc: the activation softmax, a table"):
        network_of_keras(SimpleNamespace(layers=[given, dense], outputs=[y], name="net"))
