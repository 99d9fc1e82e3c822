"""What has finished of a long run, a line a test, so that a run that was cut can go on.

The journal belongs to one state of the files (`state_of_files`): after any change it starts anew.
"""

import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.tables import SLOT


@dataclass(frozen=True)
class Finished:
    """A test that came to its end."""

    test: str
    outcome: str
    cases: int
    seconds: float
    sitting: int
    """1 for the run as it began, 2 after it was cut once."""
    wall_seconds: float
    """Since the run began, without the time between its sittings."""
    revision: str
    """The commit as the run began; by its end the tables that it measures have changed."""


@dataclass(frozen=True)
class Journal:
    """The lines that one run has written so far; the first names the state of the files."""

    path: Path
    state: str

    def read(self) -> tuple[Finished, ...]:
        """What finished before, of the same files; a line that was cut in writing is no line."""
        if not self.state or not self.path.exists():
            return ()
        first, *rest = self.path.read_text().split("\n")[:-1] or [""]
        if first != self.state:
            return ()
        return tuple(Finished(**json.loads(line)) for line in rest)

    def start(self, earlier: tuple[Finished, ...]) -> None:
        """Begins the file with what finished before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [self.state, *(json.dumps(asdict(finished)) for finished in earlier)]
        self.path.write_text("".join(f"{line}\n" for line in lines))

    def add(self, finished: Finished) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(finished)) + "\n")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def state_of_files(root: Path, but: Path) -> str:
    """A hash of the files below ``root`` that git keeps or would keep, but those in one folder.

    Measured tables in pages do not count, for a run measures some of them anew.
    Empty, which no journal goes on from, where git cannot say.
    """
    if shutil.which("git") is None:
        return ""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        return ""
    total = hashlib.sha256()
    for name in sorted(listed.stdout.split("\0")):
        path = root / name
        if path.is_file() and but.resolve() not in path.resolve().parents:
            total.update(hashlib.sha256(name.encode()).digest())
            total.update(hashlib.sha256(_without_tables(path)).digest())
    return total.hexdigest()


def _without_tables(path: Path) -> bytes:
    if path.suffix != ".md":
        return path.read_bytes()
    return SLOT.sub(r"\1\3", path.read_text(encoding="utf-8")).encode()
