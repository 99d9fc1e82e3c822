"""Puts measured tables into the pages that show them.

Run: ``python3 benchmarks/tables.py`` after a benchmark; between ``<!-- table: NAME -->`` and
``<!-- end -->`` a page gets ``benchmarks/results/NAME.md``.  With ``--check`` it changes nothing
and exits with 1 where a page is behind its measurement.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "benchmarks" / "models" / "README.md"
PAGES = (ROOT / "README.md", MODELS, *sorted((ROOT / "docs").rglob("*.md")))
SLOT = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return the page with its tables as they were measured last."""

    def put(slot: re.Match[str]) -> str:
        table = (ROOT / "benchmarks" / "results" / f"{slot[2]}.md").read_text()
        return f"{slot[1]}{table}{slot[3]}"

    return SLOT.sub(put, page)


def main() -> int:
    """Fill the pages, or check them."""
    behind = []
    for page in PAGES:
        text = page.read_text()
        if filled(text) != text:
            behind.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(filled(text))
    print(f"{'behind' if '--check' in sys.argv else 'filled'}: {', '.join(behind) or 'none'}")
    return 1 if behind and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
