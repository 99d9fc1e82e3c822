"""Simulators: tools that run a design, each found on this machine or not."""

from inferon.errors import ToolMissing
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators.base import Simulator
from inferon.targets.rtl.simulators.verilator import Verilator

SIMULATORS: tuple[Simulator, ...] = (Verilator(),)
"""All of them, the fastest first."""

__all__ = ["SIMULATORS", "Simulator", "Verilator", "simulator_for"]


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
        raise ToolMissing(names, "install it (Debian, Ubuntu: apt-get install verilator)")
    return found
