"""Layouts by costs: who reads the other layout, and that no other assignment is cheaper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from baryon.ir import Module, Op, TensorType
from baryon.ops.structure import RELAYOUT
from baryon.passes import ChooseLayout, PassManager, parse_pipeline, print_pipeline
from passes.support import assert_close, module_of, outputs, random_inputs


@dataclass(frozen=True)
class Fixed:
    """The same costs everywhere."""

    move: int
    rows: int | None

    def relayout(self, type: TensorType, sizes: Mapping[str, int]) -> int:
        return self.move

    def reads_rows(self, op: Op, sizes: Mapping[str, int]) -> int | None:
        return self.rows if op.name == "npx.convolution" else None


def network(*ops: str) -> Module:
    lines = "\n".join(ops)
    return module_of(
        "module { func @main(%x: f32[2,3,6,6], %w: f32[4,3,3,3], %u: f32[4,3,3,3]) -> (o) {\n"
        f"{lines}\nir.return(%o) }} }}"
    )


ONE = "%o = npx.convolution(%x, %w) {kernel=(3,3)} : f32[2,4,4,4]"
TWO = (
    "%a = npx.convolution(%x, %w) {kernel=(3,3)} : f32[2,4,4,4]",
    "%b = npx.convolution(%x, %u) {kernel=(3,3)} : f32[2,4,4,4]",
    "%o = np.add(%a, %b) : f32[2,4,4,4]",
)
NORMALIZED = ("%n = np.exp(%x) : f32[2,3,6,6]", ONE.replace("%x", "%n"))


def relayouts(module: Module, costs: Fixed) -> int:
    """Relayouts of the input's side after the pass, whose results stay the same."""
    inputs = random_inputs(module)
    expected = outputs(module, inputs)
    PassManager((ChooseLayout(costs=costs),), debug=True).run(module)
    assert_close(outputs(module, inputs), expected)
    return sum(
        op.name == RELAYOUT and op.operands[0].type.layout is None for op in module.main.body.ops
    )


@pytest.mark.parametrize(("rows", "expected"), [(None, 1), (99, 0), (101, 1)])
def test_a_convolution_reads_rows_where_that_is_cheaper(rows: int | None, expected: int) -> None:
    assert relayouts(network(ONE), Fixed(100, rows)) == expected


@pytest.mark.parametrize(("rows", "expected"), [(49, 0), (51, 1)])
def test_one_relayout_serves_all_readers(rows: int, expected: int) -> None:
    assert relayouts(network(*TWO), Fixed(100, rows)) == expected


def test_element_wise_neighbours_join_the_cheaper_side() -> None:
    module = network(*NORMALIZED)
    assert relayouts(module, Fixed(100, 1)) == 0
    assert module.main.body.ops[0].result.type.layout is None


def test_costs_are_no_option_of_the_text() -> None:
    passes = (ChooseLayout(costs=Fixed(1, 1)),)
    assert print_pipeline(passes) == "layout"
    with pytest.raises(Exception, match="has no option costs"):
        parse_pipeline("layout{costs=1}")
