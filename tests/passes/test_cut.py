"""The minimum cut against trying all splits."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from baryon.passes.cut import SINK, SOURCE, Cut

NODES = ("a", "b", "c", "d")
EDGES = st.lists(
    st.tuples(
        st.sampled_from((SOURCE, *NODES)), st.sampled_from((*NODES, SINK)), st.integers(0, 9)
    ),
    max_size=14,
)
Edges = list[tuple[str, str, int]]


def cost(edges: Edges, rows: set[str]) -> int:
    return sum(c for a, b, c in edges if a not in rows and b in rows)


def cheapest(edges: Edges) -> int:
    splits = product((False, True), repeat=len(NODES))
    sides = ({SINK, *(n for n, row in zip(NODES, s, strict=True) if row)} for s in splits)
    return min(cost(edges, side) for side in sides)


@given(EDGES)
def test_no_split_is_cheaper(edges: Edges) -> None:
    cut = Cut()
    for a, b, capacity in edges:
        cut.edge(a, b, capacity)
    assert cost([e for e in edges if e[0] != e[1]], set(map(str, cut.sink_side()))) == cheapest(
        edges
    )
