"""Several runs of the suite beside each other: whether what one run meets, the others meet too.

Run: ``python3 benchmarks/suite_runs.py RUN.json RUN.json ...`` with the files that
``inferon bench suite --out`` wrote; writes ``suite_runs.md`` to ``benchmarks/results``.
"""

import sys
from collections import Counter
from pathlib import Path

from inferon.bench.bars import Verdict, bars
from inferon.bench.run import Run, read_run

TABLE = Path(__file__).resolve().parent / "results" / "suite_runs.md"


def table(runs: list[Run]) -> str:
    """Return the bars that some run missed, with what each run reached, and a count of all."""
    lines = [
        f"| model | bar | | {' | '.join(f'run {at + 1}' for at in range(len(runs)))} |",
        f"|---|---|--:|{'--:|' * len(runs)}",
    ]
    counted: Counter[str] = Counter()
    for results in zip(*(run.models for run in runs), strict=True):
        for bar in bars(results[0].letter):
            reached = [result.ratio(bar.ratio) for result in results]
            met = [bar.verdict(each) is Verdict.MET for each in reached]
            counted["every" if all(met) else "some" if any(met) else "none"] += 1
            if not all(met):
                cells = " | ".join("-" if each is None else f"{each:.2f}" for each in reached)
                lines.append(f"| {results[0].stem} | {bar.ratio.value} | {bar} | {cells} |")
    rest = f"{counted['some']} in some, {counted['none']} in none"
    return "\n".join([*lines, "", f"Met in every run: {counted['every']} bars; {rest}."])


def main() -> int:
    """Compare, print, write."""
    text = table([read_run(Path(each)) for each in sys.argv[1:]])
    print(text)
    TABLE.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
