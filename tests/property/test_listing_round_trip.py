"""Every listing reads back as an equal graph; every damaged listing gives one clear error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferon.errors import ListingError
from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ops.vocabulary import parse_listing
from tests.property.random_graphs import graphs


@given(graphs())
def test_a_listing_reads_back_as_an_equal_graph(graph: Graph) -> None:
    text = show(graph, constants=True)
    again = parse_listing(text)
    assert again == graph
    assert [each.origin for each in again.nodes()] == [each.origin for each in graph.nodes()]
    assert show(again, constants=True) == text


def read_or_line(text: str) -> Graph | int:
    """Return the graph, or the number of the line that makes no sense."""
    try:
        return parse_listing(text)
    except ListingError as error:
        return error.line


@given(graphs(), st.data())
def test_a_damaged_listing_is_refused_or_another_graph(graph: Graph, data: st.DataObject) -> None:
    """Whatever one edit makes of a listing, nothing but `ListingError` is raised."""
    text = show(graph, constants=True)
    start = data.draw(st.integers(0, len(text)))
    stop = min(len(text), start + data.draw(st.integers(0, 3)))
    put = data.draw(st.text(alphabet='%$@()[]=,:."x_ \n#09-aef<\\', max_size=3))
    damaged = text[:start] + put + text[stop:]
    found = read_or_line(damaged)
    if isinstance(found, int):
        assert 1 <= found <= max(1, len(damaged.splitlines()))
    else:
        assert parse_listing(show(found, constants=True)) == found


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(ListingError):
        parse_listing(text)
