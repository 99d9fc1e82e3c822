"""Names at the face of a module: those of the model, where both languages and all tools allow it.

What the module itself declares begins with ``n_`` (values of layers), ``e_`` (elements of ports),
``p_`` (ports as numbers) or ``table_``.  A tensor whose name is taken, is a keyword, begins like
one of these, or is no identifier of VHDL, gets a ``t_`` in front; see `port_names`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inferon.targets.cpp.naming import KEYWORDS as CPP_KEYWORDS

VERILOG_KEYWORDS = frozenset(
    """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign
    default defparam design disable edge else end endcase endconfig endfunction endgenerate
    endmodule endprimitive endspecify endtable endtask event for force forever fork function
    generate genvar highz0 highz1 if ifnone incdir include initial inout input instance integer
    join large liblist library localparam macromodule medium module nand negedge nmos nor
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1
    pulldown pullup pulsestyle_onevent pulsestyle_ondetect rcmos real realtime reg release repeat
    rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam
    strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand
    trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
    accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit
    break byte chandle checker class clocking const constraint context continue cover covergroup
    coverpoint cross dist do endchecker endclass endclocking endgroup endinterface endpackage
    endprogram endproperty endsequence enum eventually expect export extends extern final
    first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies import
    inside int interconnect interface intersect join_any join_none let local logic longint matches
    modport nettype new nexttime null package packed priority program property protected pure rand
    randc randcase randsequence ref reject_on restrict return s_always s_eventually s_nexttime
    s_until s_until_with sequence shortint shortreal soft solve static string strong struct super
    sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union
    unique unique0 until until_with untyped var virtual void wait_order weak wildcard with within
    """.split()  # noqa: SIM905 - reads as the list of the standard
)
"""Verilog-2001, and SystemVerilog: some tools read every file as that."""

VHDL_KEYWORDS = frozenset(
    """
    abs access after alias all and architecture array assert assume assume_guarantee attribute
    begin block body buffer bus case component configuration constant context cover default
    disconnect downto else elsif end entity exit fairness file for force function generate generic
    group guarded if impure in inertial inout is label library linkage literal loop map mod nand
    new next nor not null of on open or others out package parameter port postponed procedure
    process property protected pure range record register reject release rem report restrict
    restrict_guarantee return rol ror select sequence severity shared signal sla sll sra srl
    strong subtype then to transport type unaffected units until use variable vmode vprop vunit
    wait when while with xnor xor
    """.split()  # noqa: SIM905 - reads as the list of the standard
)
"""VHDL-2008."""

TAKEN = frozenset(
    """
    clk rst in_valid out_valid valid ieee std work numeric_std std_logic_1164 std_logic
    std_logic_vector unsigned signed resize to_integer to_unsigned rising_edge rtl
    eval eval_step end_step name trace
    """.split()  # noqa: SIM905 - one list as the others
)
"""The control ports, what the VHDL names, and what Verilator calls its own methods."""

_RESERVED = VERILOG_KEYWORDS | VHDL_KEYWORDS | TAKEN | CPP_KEYWORDS
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
_INNER = re.compile(r"(n|e|p|table|layer|inner)_")


def is_free(name: str) -> bool:
    """Return whether a name means nothing yet, in any language that it may stand in."""
    plain = _PLAIN.fullmatch(name) is not None
    return plain and name.lower() not in _RESERVED and not _INNER.match(name.lower())


def module_name(name: str) -> str:
    """Return what the module of a graph is called."""
    return _allowed(name, "m")


def port_names(module: str, tensors: Sequence[str]) -> tuple[str, ...]:
    """Return what the ports of tensors are called.

    The tensor's name if it is free; else that without doubled underscores, with ``t_`` in front,
    and with the first number behind it that makes it the only one.
    """
    taken = {module}
    names = []
    for tensor in tensors:
        wanted = _allowed(tensor, "t")
        name, number = wanted, 1
        while name in taken or (name != tensor and name in tensors):
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _allowed(name: str, prefix: str) -> str:
    if is_free(name):
        return name
    return f"{prefix}_" + re.sub("_+", "_", name).strip("_")
