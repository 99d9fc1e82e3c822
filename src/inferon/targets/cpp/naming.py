"""Names that C++ keeps for itself: a model that has one is called otherwise."""

from __future__ import annotations

KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
    co_return co_yield decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires return
    short signed sizeof static static_assert static_cast struct switch template this thread_local
    throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while
    xor xor_eq
    """.split()  # noqa: SIM905 - reads as the list of the standard
)
"""The keywords of C++20 [lex.key] and its alternative tokens."""

TAKEN = frozenset({"inferon", "std", "linux", "unix", "i386"})
"""Namespaces that the header uses, and names that GNU compilers define as macros."""


def model_name(name: str) -> str:
    """Return a name for the model's namespace: ``and`` becomes ``and_model``."""
    return f"{name}_model" if name in KEYWORDS | TAKEN else name
