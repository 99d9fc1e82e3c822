"""The documentation runs: every python block and every `$ inferon` line of every page.

A page is read from top to bottom with one namespace, in a folder that holds the shipped models
and sample only. A block of C++ or CMake whose first line names a file becomes that file.
Directly above a block, ``<!-- not run: reason -->`` leaves it out (a counted skip), and ``<!--
exit code: 3 -->`` says what its commands return.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inferon.errors import ExtraMissing, ToolMissing
from tests.absent import require_package, require_tool
from tests.docs.markdown import PAGES, ROOT, Block, blocks_of

SHIPPED = ROOT / "src" / "inferon" / "data"
INFERON = [sys.executable, "-c", "import sys; from inferon.cli.main import main; sys.exit(main())"]
RUNNABLE = {"inferon", "g++", "cmake", "ctest"}
LANGUAGES = {
    "bash",
    "c",
    "cmake",
    "console",
    "cpp",
    "csv",
    "json",
    "makefile",
    "python",
    "text",
    "toml",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def runnable(block: Block) -> bool:
    if block.language == "console":
        return any(words[0] in RUNNABLE for words in block.commands())
    return block.language == "python"


BLOCKS = [(page, block) for page in PAGES for block in blocks_of(page.read_text())]
RUN = [
    page for page in PAGES if any(p == page and runnable(b) and not b.not_run for p, b in BLOCKS)
]
NOT_RUN = [(page, block) for page, block in BLOCKS if block.not_run]


def run_python(page: Path, block: Block, namespace: dict[str, Any]) -> None:
    tree = ast.parse(block.text, filename=str(page))
    ast.increment_lineno(tree, block.line - 1)  # a traceback names the line of the page
    try:
        exec(compile(tree, str(page), "exec"), namespace)  # noqa: S102 - our own pages
    except ExtraMissing as missing:
        require_package(missing.package)  # a counted skip
        raise
    except ToolMissing as missing:
        require_tool(missing.tool)
        raise


def run_commands(page: Path, block: Block) -> None:
    paths = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    for words in block.commands():
        if words[0] not in RUNNABLE:
            continue
        command = [*INFERON, *words[1:]]
        if words[0] != "inferon":
            command = [require_tool(words[0]), *words[1:]]
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=os.environ | {"PYTHONPATH": paths},
        )
        assert run.returncode == block.exit_code, (
            f"{name_of(page)}:{block.line}: {' '.join(words)}\n{run.stdout}{run.stderr}"
        )


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shipped in [*SHIPPED.glob("*.h5"), *SHIPPED.glob("models/*.onnx")]:
        shutil.copy(shipped, tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks_of(page.read_text()):
        if block.not_run:
            continue
        if block.language == "python":
            run_python(page, block, namespace)
        elif block.language == "console":
            run_commands(page, block)
        elif block.file_name():
            (tmp_path / block.file_name()).write_text(block.text)


@pytest.mark.parametrize(
    "block", [b for _, b in NOT_RUN], ids=[f"{name_of(p)}:{b.line}" for p, b in NOT_RUN]
)
def test_a_block_that_is_not_run(block: Block) -> None:
    pytest.skip(f"not run: {block.not_run}")


def test_every_block_names_its_language() -> None:
    unnamed = [f"{name_of(p)}:{b.line}" for p, b in BLOCKS if b.language not in LANGUAGES]
    assert unnamed == []


def test_a_remark_belongs_to_the_block_directly_below() -> None:
    directly = "<!-- not run: needs a GPU -->\n```python\nx = 1\n```\n"
    too_far = "\n<!-- not run: no -->\n\n```text\n```\n"
    first, second = blocks_of(directly + too_far)
    assert (first.not_run, first.line, first.text) == ("needs a GPU", 3, "x = 1\n")
    assert second.not_run == ""


def test_commands_are_the_lines_with_a_dollar() -> None:
    text = (
        "```console\n$ inferon show \\\n    'my model.onnx'\noutput $ inferon\n$ make test\n```\n"
    )
    (block,) = blocks_of(text)
    assert block.commands() == [["inferon", "show", "my model.onnx"], ["make", "test"]]


def test_a_failing_block_names_the_line_of_its_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\nraise KeyError(x)\n```\n")
    (block,) = blocks_of(page.read_text())
    with pytest.raises(KeyError) as caught:
        run_python(page, block, {})
    assert caught.traceback[-1].lineno + 1 == 5
