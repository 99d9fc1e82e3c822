"""Names made safe: identifiers and labels, from whatever a file holds, for any language.

An *identifier* names an input, an output or a graph; a *label* says in a comment or a message
which layer is meant. No character outside ``a-z A-Z 0-9 _ . / -`` survives, so that nothing from a
model file can end a comment, a string or a path in generated code.
"""

from __future__ import annotations

import re

MAX_LETTERS = 64
"""Longest identifier or label: two of them still fit on a line of generated code."""

_CPP = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
co_return co_yield decltype default delete do double dynamic_cast else enum explicit export
extern false final float for friend goto if import inline int long main module mutable
namespace new noexcept not not_eq nullptr operator or or_eq override private protected public
register reinterpret_cast requires restrict return short signed sizeof static static_assert
static_cast std struct switch template this thread_local throw true try typedef typeid typename
union unsigned using virtual void volatile wchar_t while xor xor_eq
"""
_VERILOG = """
always assign automatic begin buf casex casez cell cmos config deassign defparam design disable
edge endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
endtask event force forever fork function generate genvar highz0 highz1 ifnone incdir include
initial inout input instance integer join large liblist library localparam macromodule medium
nand negedge nmos nor notif0 notif1 output parameter pmos posedge primitive pull0 pull1
pulldown pullup rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
scalared showcancelled small specify specparam strong0 strong1 supply0 supply1 table task time
tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand
weak0 weak1 wire wor xnor
"""
_VHDL = """
abs access after alias all architecture array assert attribute block body buffer bus component
configuration disconnect downto elsif end entity exit file group guarded impure in inertial is
label linkage literal loop map mod next null of on open others out package port postponed
procedure process protected pure range record reject rem report rol ror select severity shared
signal sla sll sra srl subtype then to transport type unaffected units until variable when with
"""
_PYTHON = "as async await def del elif except from global lambda nonlocal pass raise yield"
KEYWORDS = frozenset(" ".join((_CPP, _VERILOG, _VHDL, _PYTHON)).split())
"""Words that a language of a target or of its user keeps: C++20, Verilog, VHDL, Python."""


def label(text: str) -> str:
    """Return a layer's name with every doubtful character replaced by ``_``, at most 64 letters.

    Parameters
    ----------
    text : any text, also a hostile one

    Returns
    -------
    Letters, digits and ``_ . / -`` only; never empty; of a longer name the start and the end.
    """
    clean = re.sub(
        r"[^A-Za-z0-9_./-]+",
        "_",
        text[: 4 * MAX_LETTERS] if len(text) < 5 * MAX_LETTERS else _ends(text),
    )
    clean = re.sub(r"//+", "/", clean).strip("/") or "unnamed"  # "//" would begin a comment
    if len(clean) <= MAX_LETTERS:
        return clean
    half = (MAX_LETTERS - 3) // 2
    return f"{clean[:half]}...{clean[-half:]}"


def _ends(text: str) -> str:
    return text[: 2 * MAX_LETTERS] + text[-2 * MAX_LETTERS :]


class Names:
    """Gives out identifiers, each once, and remembers which names had to be changed."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._renamed: list[tuple[str, str]] = []

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """Pairs (identifier, original name) of the names that had to be changed."""
        return tuple(self._renamed)

    def identifier(self, original: str, otherwise: str) -> str:
        """Return an identifier not given out before: ``[a-z][a-z0-9_]*``, at most 64 letters.

        Parameters
        ----------
        original : the name in the model
        otherwise : what to call it when nothing of the name can be kept: ``input``, ``output``
        """
        plain = _plain(original, otherwise)
        name, number = plain, 2
        while name in self._taken:
            tail = f"_{number}"
            name, number = plain[: MAX_LETTERS - len(tail)] + tail, number + 1
        self._taken.add(name)
        if name != original and original not in self._taken:
            self._renamed.append((name, original))
        return name


def _plain(original: str, otherwise: str) -> str:
    """Return an identifier that may be taken already."""
    clean = re.sub(r"[^a-z0-9]+", "_", original[: 4 * MAX_LETTERS].lower()).strip("_")
    if not clean:
        return f"{otherwise}_" if otherwise in KEYWORDS else otherwise
    if not clean[0].isalpha():
        clean = f"{otherwise}_{clean}"
    clean = clean[:MAX_LETTERS].rstrip("_")
    return f"{clean}_" if clean in KEYWORDS else clean
