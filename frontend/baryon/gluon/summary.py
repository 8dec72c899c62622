"""The table that `Block.summary` prints."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baryon.deferred.tree import rebuild
from baryon.gluon.errors import BlockError, here

if TYPE_CHECKING:
    from baryon.gluon.base_block import Block

_WIDTH = 80
_LINE = "{:>20}  {:>42} {:>15}"


@dataclass(frozen=True)
class _Layer:
    """A row: sizes are numbers of elements; shared ones were counted in a row above."""

    name: str
    shape: str
    size: int = 0
    trainable: int = 0
    shared: int = 0


def summarize(net: Block, inputs: tuple[Any, ...]) -> str:
    """Run the inputs through the net; returns the table of its layers in the order they ran."""
    rows = [_Layer("Input", _shapes(inputs))]
    seen: set[int] = set()

    def note(block: Block, _: Any, outputs: Any) -> None:
        rows.append(_row(f"{type(block).__name__}-{len(rows)}", block, outputs, seen))

    def attach(block: Block) -> None:
        _refuse_active(block)
        if not getattr(block, "is_container", False):
            handles.enter_context(block.register_forward_hook(note))

    with ExitStack() as handles:
        net.apply(attach)
        net(*inputs)
    return "\n".join(
        [*_head(), *(_LINE.format(r.name, r.shape, r.size) for r in rows), *_sums(rows)]
    )


def _refuse_active(block: Block) -> None:
    if getattr(block, "_active", False):
        raise BlockError(
            f"{type(block).__name__} is hybridized: layers inside it do not run one by one",
            where=here(),
            hint="call summary before hybridize(), or hybridize(False) first",
        )


def _row(name: str, block: Block, outputs: Any, seen: set[int]) -> _Layer:
    sizes = [(p, math.prod(p.shape or ())) for p in block.params.values()]
    shared = sum(n for p, n in sizes if id(p) in seen)
    seen.update(id(p) for p, _ in sizes)
    trainable = sum(n for p, n in sizes if p.grad_req != "null")
    return _Layer(name, _shapes(outputs), sum(n for _, n in sizes), trainable, shared)


def _shapes(tree: Any) -> str:
    shapes = rebuild(tree, lambda x: tuple(x.shape) if hasattr(x, "shape") else x)
    one = isinstance(tree, tuple) and len(tree) == 1
    return str(shapes[0] if one else shapes)


def _head() -> list[str]:
    return ["-" * _WIDTH, _LINE.format("Layer (type)", "Output Shape", "Param #"), "=" * _WIDTH]


def _sums(rows: list[_Layer]) -> list[str]:
    total, trainable, shared = (
        sum(getattr(row, name) for row in rows) for name in ("size", "trainable", "shared")
    )
    return [
        "=" * _WIDTH,
        "Parameters in forward computation graph, duplicate included",
        f"   Total params: {total}",
        f"   Trainable params: {trainable}",
        f"   Non-trainable params: {total - trainable}",
        f"Shared params in forward computation graph: {shared}",
        f"Unique parameters in model: {total - shared}",
        "-" * _WIDTH,
    ]
