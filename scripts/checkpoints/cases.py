"""Runs in an environment with MXNet: writes single operators and what MXNet computes with them.

python -m checkpoints.cases FILE.npz, with MXNet 1.9.1 or 2.0: the file has an array of names, and
for each number i the symbol (`json_i`), inputs (`in_i_NAME`) and outputs (`out_i_K`), for tests.
"""

from __future__ import annotations

import sys
from typing import Any

import mxnet as mx
import numpy as np

from checkpoints.operators import (
    numpy_elementwise,
    numpy_layers,
    numpy_matrices,
    numpy_tensors,
    symbol_detection,
    symbol_elementwise,
    symbol_layers,
    symbol_matrices,
    symbol_reduction,
    symbol_regions,
    symbol_sequences,
    symbol_shape,
)
from checkpoints.operators.case import Case

OF_SYMBOLS = (
    *symbol_elementwise.CASES, *symbol_layers.CASES, *symbol_shape.CASES, *symbol_reduction.CASES,
    *symbol_sequences.CASES, *symbol_detection.CASES, *symbol_regions.CASES, *symbol_matrices.CASES,
)  # fmt: skip
OF_ARRAYS = (
    *numpy_elementwise.CASES, *numpy_tensors.CASES, *numpy_layers.CASES, *numpy_matrices.CASES,
)  # fmt: skip


def by_symbol(case: Case, given: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of a symbol of MXNet 1 and its outputs."""
    made = case.call(*map(mx.sym.Variable, given))
    values = {name: mx.nd.array(x, dtype=x.dtype) for name, x in given.items()}
    statistics = {name: values.pop(name) for name in made.list_auxiliary_states()}
    names = made.list_arguments()
    bound = made.bind(mx.cpu(), {n: values[n] for n in names}, aux_states=statistics)
    return made.tojson(), [y.asnumpy() for y in bound.forward(is_train=False)]


def by_block(case: Case, given: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of what MXNet 2 exports and its outputs."""

    class Block(mx.gluon.HybridBlock):
        """The call."""

        def forward(self, *operands: Any) -> Any:
            """Its results."""
            return case.call(*operands)

    block = Block()
    block.hybridize()
    outputs = block(*(mx.np.array(x, dtype=x.dtype) for x in given.values()))
    symbol, _ = block.export(None)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return symbol.tojson(), [y.asnumpy() for y in listed]


def main(path: str) -> None:
    """Write all cases that this MXNet can compute."""
    is_two = mx.__version__.startswith("2")
    if is_two:
        mx.npx.set_np()
    content: dict[str, Any] = {}
    names: list[str] = []
    for case in OF_ARRAYS if is_two else OF_SYMBOLS:
        given = case.arrays()
        try:
            text, outputs = (by_block if is_two else by_symbol)(case, given)
        except Exception as error:
            print(f"{case.name}: {error!s:.300}", file=sys.stderr)
            continue
        i = len(names)
        names.append(case.name)
        content[f"json_{i}"] = np.array(text)
        content.update((f"in_{i}_{key}", x) for key, x in given.items())
        content.update((f"out_{i}_{k}", y) for k, y in enumerate(outputs))
    np.savez_compressed(path, names=np.array(names), **content)
    print(f"{len(names)} cases")


if __name__ == "__main__":
    main(sys.argv[1])
