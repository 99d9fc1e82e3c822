"""What matplotlib writes as SVG, made part of a page: no prologue, unique names, half the letters.

Only text is looked at; what is drawn stays the same to a hundredth of a printer's point.
"""

from __future__ import annotations

import re

from markupsafe import escape


def page_element(text: str, name: str, description: str) -> str:
    """Return an SVG file as an element of a page.

    Parameters
    ----------
    text : of the file
    name : identifiers start with it, because figures share a page
    description : for those who cannot see the figure
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = _renamed(text, name)
    text = re.sub(r'\b(?:d|x|y)="[^"]*"', _shortened, text)
    text = _without_repeated_styles(_CIRCLE.sub(_circle, text))
    text = _without_plain_groups(re.sub(r"\n\s+", "\n", text))
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def standing_alone(element: str) -> str:
    """Return an element of a page as a file of its own."""
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return element.replace("<svg ", f"<svg {spaces} ", 1)


def _renamed(text: str, name: str) -> str:
    """Return the text with numbers for identifiers: matplotlib hashes the last bits of places.

    What nothing refers to needs no identifier.
    """
    used = re.findall(r'(?:"#|url\(#)([^")]+)', text)
    numbers = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(used))}
    text = re.sub(r'("#|url\(#)([^")]+)', lambda each: each[1] + numbers[each[2]], text)

    def declared(each: re.Match[str]) -> str:
        return f' id="{numbers[each[1]]}"' if each[1] in numbers else ""

    return re.sub(r' id="([^"]*)"', declared, text)


def _shortened(attribute: re.Match[str]) -> str:
    """Return places with two digits behind the point."""
    rounded = re.sub(r"-?\d+\.\d+", lambda each: f"{float(each[0]):.2f}", attribute[0])
    return re.sub(r"\s+", " ", rounded)


def _without_repeated_styles(text: str) -> str:
    """Leave out the style of a use that the path which it uses has itself."""
    own = dict(re.findall(r'<path id="([^"]+)" d="[^"]*" style="([^"]*)"', text))

    def lean(use: re.Match[str]) -> str:
        return f"{use[1]}/>" if own.get(use[2]) == use[3] else use[0]

    return re.sub(r'(<use xlink:href="#([^"]+)"[^>]*?) style="([^"]*)"/>', lean, text)


def _without_plain_groups(text: str) -> str:
    """Leave out groups without attributes, which group nothing, and groups of nothing."""
    text = re.sub(r"<g(?: [^>]*)?/>\n?", "", text)  # matplotlib's way to write no letters
    is_plain: list[bool] = []

    def kept(tag: re.Match[str]) -> str:
        if tag[0].startswith("</"):
            return "" if is_plain.pop() else tag[0]
        is_plain.append(tag[0].startswith("<g>"))
        return "" if is_plain[-1] else tag[0]

    return re.sub(r"<g(?: [^>]*)?>\n|</g>\n?", kept, text)


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_CURVE = f"C(?: {_NUMBER}){{6}} ".replace("(-", "(?:-")
_TO_TOP = f"C(?: {_NUMBER}){{5}} ".replace("(-", "(?:-") + _NUMBER + " "

_CIRCLE = re.compile(
    f'<path d="M {_NUMBER} {_NUMBER} ' + 3 * _CURVE + _TO_TOP + 4 * _CURVE + 'z "'
)
"""A circle as matplotlib draws it, from its lowest point in eight curves."""


def _circle(path: re.Match[str]) -> str:
    """Return a circle in an eighth of the letters."""
    x, low, high = float(path[1]), float(path[2]), float(path[3])
    return f'<circle cx="{x:.2f}" cy="{(low + high) / 2:.2f}" r="{abs(low - high) / 2:.2f}"'
