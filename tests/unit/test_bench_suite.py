"""The suite: who takes part, what is written, what is judged; never how fast (40 s)."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inferon.bench.bars import COLUMNS as BAR_COLUMNS
from inferon.bench.bars import TABLE, Bar, Ratio, Verdict, bars
from inferon.bench.generated_peers import (
    NO_SOFIE,
    onnx2c_contestants,
    reason,
    sofie_contestants,
    sofie_version,
)
from inferon.bench.models import FORMS, MODELS, SuiteModel, check_folder, chosen
from inferon.bench.page import page, verdicts
from inferon.bench.peers import (
    COLUMNS,
    INFERON,
    ONNX2C,
    ORT,
    SOFIE,
    TORCH,
    Absent,
    Contestant,
)
from inferon.bench.result import V3, V4, LimitAt, ModelResult, Timing
from inferon.bench.run import Run, busy_share, read_run, run_suite
from inferon.bench.suite import Settings, check_results, subject
from inferon.errors import DataError, ToolError, UsageError
from inferon.ir.values import Array
from inferon.measure.machine import this_machine, versions
from inferon.measure.record import as_json
from inferon.targets.toolchain import Compiler
from tests.absent import needs_package, needs_tool
from tests.unit.command_line import MODELS as FOLDER
from tests.unit.command_line import CommandLine

ONE = chosen(["a"])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


# -------------------------------------------------------------------------------------------- bars


def test_every_model_has_bars_and_every_row_every_column() -> None:
    assert list(TABLE) == [each.letter for each in MODELS]
    assert all(len(row) == len(BAR_COLUMNS) for row in TABLE.values())
    assert len(set(BAR_COLUMNS)) == len(BAR_COLUMNS) == len(Ratio) - 2
    for model in MODELS:
        assert {bar.ratio for bar in bars(model.letter)} > {
            *(Ratio.EVENT_TO_ORT, Ratio.EVENT_V3_TO_V4, Ratio.BATCH_V3_TO_V4)
        }


def test_gains_have_to_be_at_least_and_costs_at_most_their_bar() -> None:
    gain, cost = Bar(Ratio.EVENT_TO_ORT, 1.5), Bar(Ratio.EVENT_TO_LIMIT, 1.5)
    assert (str(gain), str(cost)) == (">= 1.5", "<= 1.5")
    assert [gain.verdict(x) for x in (1.4, 1.5, None)] == [
        *(Verdict.MISSED, Verdict.MET, Verdict.NOT_MEASURED)
    ]
    assert [cost.verdict(x) for x in (1.4, 1.5, 1.6)] == [
        *(Verdict.MET, Verdict.MET, Verdict.MISSED)
    ]


# ------------------------------------------------------------------------------------------ result


def timing(name: str, events: int, ns: float, form: str = "") -> Timing:
    return Timing(name, form, events, ns, ns, ns)


def result() -> ModelResult:
    timings = (
        *(timing(INFERON, 1, 50.0, V4), timing(INFERON, 1, 60.0, V3)),
        *(timing(INFERON, 16, 24.0, V4), timing(INFERON, 64, 22.0, V4)),
        *(timing(INFERON, 16, 33.0, V3), timing(COLUMNS, 64, 20.0, V4)),
        *(timing(ORT, 1, 3000.0, "onnx"), timing(ORT, 1, 2500.0, "static1")),
        *(timing(ORT, 16, 40.0, "onnx"), timing(ORT, 64, 44.0, "onnx")),
    )
    limits = tuple(LimitAt(events, 20.0, "arithmetic", 0.0) for events in (1, 16, 64))
    return ModelResult(
        *("a", "a_mlp12", "code", 1032, (("sigmoid", 1),), 4352, 52, 44.0, V4, limits, timings),
        *((Absent(SOFIE, "a reason"),), 500.0, 0.5, {}),
    )


def test_ratios_take_the_fastest_form_and_the_best_batch_of_each_side() -> None:
    found = {ratio: result().ratio(ratio) for ratio in Ratio}
    assert found == {
        Ratio.EVENT_TO_LIMIT: 50.0 / 20.0,
        Ratio.EVENT_TO_ORT: 2500.0 / 50.0,
        Ratio.BATCH_TO_LIMIT: 22.0 / 20.0,
        Ratio.BATCH_TO_ORT: 40.0 / 22.0,
        Ratio.COLUMNS_TO_LIMIT: 20.0 / 20.0,
        Ratio.COLUMNS_TO_ORT: 40.0 / 20.0,
        Ratio.EVENT_V3_TO_V4: 60.0 / 50.0,
        Ratio.BATCH_V3_TO_V4: 33.0 / 22.0,
    }


def run_of(*results: ModelResult) -> Run:
    return Run(this_machine(), versions(Compiler()), results)


def test_the_page_says_what_was_missed_and_who_was_absent_once() -> None:
    other = replace(result(), letter="h", stem="h_autoenc")
    text = page(run_of(result(), other))
    assert "| a_mlp12 | one event / limit | <= 2.5 | 2.50 | met |" in text
    missed = "| a_mlp12 | best batch, x86-64-v3 / x86-64-v4 | <= 1.35 | 1.50 | **missed** |"
    assert missed in text
    assert "| a_mlp12 | 1,032 | 44.0 | 20.0 | 50.0 | 2.50 | 2,500 | 50.0 | 40.0 | - |" in text
    assert text.count("a reason") == 1
    assert "- SOFIE, all models: a reason" in text
    assert verdicts([result()]) == {Verdict.MET: 7, Verdict.MISSED: 1, Verdict.NOT_MEASURED: 0}
    only = replace(result(), timings=result().timings[:1])
    assert verdicts([only])[Verdict.NOT_MEASURED] == 6


# ---------------------------------------------------------------------------------------- choosing


def test_models_are_chosen_by_letter_or_stem() -> None:
    assert chosen([]) == MODELS
    assert [each.stem for each in chosen(["g_gru", "a"])] == ["a_mlp12", "g_gru"]
    with pytest.raises(UsageError, match="no model z, 17: give some of a, b"):
        chosen(["z", "a", "17"])


def test_a_folder_without_the_files_is_refused_before_anything_is_measured(
    tmp_path: Path, run: CommandLine
) -> None:
    check_folder(FOLDER, MODELS)
    with pytest.raises(UsageError, match=r"lacks a_mlp12.onnx and 3 more.*--folder"):
        check_folder(tmp_path, ONE)
    assert run("bench", "suite", "a", "--folder", tmp_path).code == 2
    assert run("bench", "suite", "q").code == 2
    assert "bench suite" in " ".join(run("bench", "--help").out.split())


# ------------------------------------------------------------------------------------------- peers


@needs_package("torch")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.letter)
def test_torch_computes_the_stored_results_with_the_weights_of_the_files(
    model: SuiteModel,
) -> None:
    from inferon.bench.weights import rebuilt  # imports torch

    rebuilt(model.stem, FOLDER)  # raises where it does not


@needs_package("torch")
def test_other_weights_are_noticed(tmp_path: Path) -> None:
    from inferon.bench.weights import rebuilt

    shutil.copy(FOLDER / "g_gru.onnx", tmp_path)
    with np.load(FOLDER / "g_gru.npz") as stored:
        np.savez(tmp_path / "g_gru.npz", x=stored["x"], y=stored["y"] + np.float32(0.01))
    with pytest.raises(DataError, match=r"g_gru: torch's outputs are 0\.01"):
        rebuilt("g_gru", tmp_path)


def one_event() -> tuple[Array, Array]:
    with np.load(FOLDER / "a_mlp12.npz") as stored:
        return stored["x"][:1].copy(), stored["y"][:1].copy()


def program(path: Path, text: str, code: int = 0) -> Path:
    """Write a program that writes C, as onnx2c does."""
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
    path.chmod(0o755)
    return path


@needs_tool("gcc")
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("void entry(const float x[1][12], float y[1][1]) { y[0][0] = x[0][0]; }", "its outputs"),
        ("void entry(const float x[1][12], float y[1][1]) { y[0][0] = mean; }", "undeclared"),
    ],
)
def test_c_that_is_wrong_or_does_not_compile_takes_no_part(
    tmp_path: Path, code: str, why: str
) -> None:
    x, y = one_event()
    wrong = program(tmp_path / "wrong", code)
    found = list(onnx2c_contestants(str(wrong), FOLDER, "a_mlp12", x, y))
    assert found
    assert all(isinstance(each, Absent) and why in each.why for each in found)
    right = code.replace("x[0][0]", f"{float(y[0, 0]):.9g}f").replace("mean", f"{y[0, 0]:.9g}f")
    there = list(
        onnx2c_contestants(str(program(tmp_path / "right", right)), FOLDER, "a_mlp12", x, y)
    )
    assert [type(each) for each in there] == [Contestant, Contestant]
    assert all(isinstance(each, Contestant) and (each.calls(10, 3) > 0).all() for each in there)
    smallest = np.full(1, np.finfo(np.float32).smallest_subnormal)
    assert (smallest * np.float32(1) > 0).all(), "a peer turned subnormal numbers off for us"


def test_sofie_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    x, y = one_event()
    python = program(tmp_path / "python", "no version of SOFIE", code=1)
    for each in (python, tmp_path / "no-such-program"):
        assert sofie_version(str(each)) is None
        found = list(sofie_contestants(str(each), FOLDER, "a_mlp12", x, y))
        assert found == [Absent(SOFIE, NO_SOFIE)]


@needs_tool("gcc", "g++")
@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ("echo 'RuntimeError: operator Round is not supported' >&2; exit 1", "operator Round is"),
        ('echo "terminate called after: what():  no shape" >&2; exit 134', "no shape"),
        ("kill -11 $$", "python failed:"),
        ("echo '#error its own' > model.hxx", "#error its own"),
    ],
)
def test_sofie_that_refuses_aborts_or_writes_nonsense_takes_no_part(
    tmp_path: Path, commands: str, why: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncase $2 in *parse*) {commands};; *) echo 1.2;; esac\n")
    python.chmod(0o755)
    (found,) = sofie_contestants(str(python), FOLDER, "a_mlp12", *one_event())
    assert isinstance(found, Absent)
    assert found.why.startswith(why)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            "gcc failed:\n/usr/bin/ld: cannot find -lx: No\ncollect2: error: ld",
            "cannot find -lx: No",
        ),
        ("onnx2c failed:\n[Fatal] (run) Unimplemented: TopK", "Unimplemented: TopK"),
        ("a.c:1:2: error: " + "x" * 200, "x" * 160),
        ("/a/b/gcc took longer than 300 s", "gcc took longer than 300 s"),
    ],
)
def test_a_reason_is_short_and_names_no_folder(told: str, why: str) -> None:
    assert reason(ToolError(told, command=["/a/b/gcc"])) == why


@needs_tool("gcc", "g++")
@needs_package("sofie")
def test_sofie_computes_what_the_file_holds() -> None:
    found = list(sofie_contestants(sys.executable, FOLDER, "a_mlp12", *one_event()))
    if any(isinstance(each, Absent) and "-lopenblas" in each.why for each in found):
        pytest.skip("package absent: libopenblas-dev")
    assert [type(each) for each in found] == [Contestant, Contestant]
    for each in found:
        assert isinstance(each, Contestant)
        assert each.form.startswith("SOFIE ")
        assert (each.calls(10, 3) > 0).all()


@needs_tool("g++")
@needs_package("onnxruntime", "torch")
def test_one_model_from_end_to_end_with_its_peers(tmp_path: Path, run: CommandLine) -> None:
    out = tmp_path / "suite.json"
    absent_peers = ("--onnx2c", "no-such-program", "--sofie", "no-such-python")
    words = ("bench", "suite", "a", "-o", out, *absent_peers)
    ran = run(*words, "--folder", FOLDER, "--json")
    assert ran.code == 0, ran.err
    (found,) = ran.document["models"]
    assert (found["stem"], found["macs"], found["functions"]) == (
        "a_mlp12",
        1032,
        [["sigmoid", 1]],
    )
    names = {(each["name"], each["events"]) for each in found["timings"]}
    assert names >= {(name, events) for name in (INFERON, ORT, TORCH) for events in (1, 16, 1024)}
    forms = {each["form"] for each in found["timings"] if each["name"] == ORT}
    assert {"onnx", "dyn", "static1"} <= {form.removesuffix(", batch fixed") for form in forms}
    absent = {each["name"]: each["why"] for each in found["absent"]}
    assert absent[SOFIE] == NO_SOFIE
    assert ONNX2C in absent
    assert [each["events"] for each in found["limits"]] == [1, 16, 64, 256, 1024]
    assert json.loads(out.read_text()) == ran.document
    assert "| a_mlp12 | 1,032 |" in out.with_suffix(".md").read_text()
    again = run(*words, "--folder", FOLDER)
    assert "measured before" in again.err
    assert again.out.rstrip().splitlines()[-1].startswith("bars: ")
    assert json.loads(out.read_text())["models"] == ran.document["models"]


@needs_tool("g++")
@needs_package("onnxruntime", "torch")
def test_a_run_grows_and_changed_code_is_measured_again(tmp_path: Path) -> None:
    out, settings = tmp_path / "suite.json", Settings(FOLDER, batches=(2,))
    first = run_suite(ONE, settings, out=out)
    other = replace(first.models[0], letter="g", stem="g_gru")
    stale = replace(first.models[0], code="of another machine")
    said: list[str] = []
    out.write_text(json.dumps(as_json(run_of(stale, other))))
    second = run_suite(ONE, settings, out=out, say=said.append)
    assert not any("measured before" in line for line in said)
    assert [each.stem for each in second.models] == ["a_mlp12", "g_gru"]
    assert second.models[0].code == first.models[0].code
    assert read_run(out).models[1].stem == "g_gru"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": [{}]}', '{"models": 3}'])
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "suite.json").write_text(text)
    with pytest.raises(DataError, match="no run of the suite"):
        read_run(tmp_path / "suite.json")


@needs_tool("g++")
def test_ours_has_to_give_the_stored_results(tmp_path: Path) -> None:
    for form in FORMS:
        shutil.copy(FOLDER / f"a_mlp12{form}", tmp_path)
    with np.load(FOLDER / "a_mlp12.npz") as stored:
        np.savez(tmp_path / "a_mlp12.npz", x=stored["x"], y=stored["y"] + np.float32(0.01))
    with pytest.raises(DataError, match=r"a_mlp12: ours is 0\.01"):
        check_results(subject(ONE[0], Settings(tmp_path)))


def test_how_busy_others_are_is_a_share() -> None:
    share = busy_share(0.05)
    assert share is None or 0.0 <= share <= 1.0


def test_the_tables_are_those_of_the_committed_run() -> None:
    results = FOLDER.parent / "results"
    found = read_run(results / "suite.json")
    assert [each.stem for each in found.models] == [each.stem for each in MODELS]
    assert page(found) == (results / "suite.md").read_text()
