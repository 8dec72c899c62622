"""The gradient tape: which ops made an array, and the walk back over them.

Eager gradients run the same rules (`OpDef.gradient`) as compiled ones, on arrays instead of graph
values; with `create_graph` the walk is itself on the tape, so gradients have gradients.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from baryon.array.base import ArrayBase
from baryon.ir import Array, BaryonError, Loc, caller_loc


class GradientError(BaryonError, RuntimeError):
    """A gradient was asked for that cannot be had."""


class Mode(NamedTuple):
    """recording: ops on arrays that need gradients go on the tape. training: dropout drops."""

    recording: bool
    training: bool


IDLE = Mode(recording=False, training=False)
_MODE: ContextVar[Mode] = ContextVar("baryon.autograd", default=IDLE)
mode = _MODE.get
_ORDER = itertools.count()

Pull = Callable[["Node", Sequence[ArrayBase | None], bool], Sequence[ArrayBase | None]]
Edge = tuple["Node", int] | ArrayBase
"""Where a gradient goes: to a result of another entry, or to an array that has one attached."""


def is_recording() -> bool:
    """Whether ops go on the gradient tape, in this thread or task."""
    return _MODE.get().recording


def is_training() -> bool:
    """Whether ops such as dropout and batch_norm behave as in training."""
    return _MODE.get().training


def set_mode(recording: bool | None = None, training: bool | None = None) -> Mode:
    """Change the flags that are not None; returns what they were."""
    old = _MODE.get()
    new = Mode(
        old.recording if recording is None else bool(recording),
        old.training if training is None else bool(training),
    )
    _MODE.set(IDLE if new == IDLE else new)
    return old


@contextmanager
def mode_of(recording: bool | None = None, training: bool | None = None) -> Iterator[None]:
    """Change the flags inside the block."""
    old = set_mode(recording, training)
    try:
        yield
    finally:
        _MODE.set(old)


class Node:
    """One entry of the tape.

    pull: (node, gradients of the results, create_graph) -> gradients of the inputs.
    inputs: the arrays that were read. outputs: the memory of the results (not the arrays, which
    refer to the node). `edges`: for each input where its gradient goes, None for nowhere.
    """

    __slots__ = ("edges", "inputs", "loc", "name", "order", "outputs", "pull", "seen", "writes")

    def __init__(
        self, name: str, inputs: Sequence[ArrayBase], outputs: Sequence[ArrayBase], pull: Pull
    ) -> None:
        self.name, self.inputs, self.pull = name, tuple(inputs), pull
        self.loc: Loc = caller_loc("baryon")
        self.order = next(_ORDER)
        self.edges = tuple(map(_edge, inputs))
        kept = (*inputs, *outputs)
        self.writes = tuple(x.writes() for x in kept)
        self.seen = tuple(w[0] for w in self.writes)
        self.outputs: tuple[Array, ...] = tuple(x.elements("a gradient", "") for x in outputs)
        for i, x in enumerate(outputs):
            x._node, x._index = self, i

    def check(self) -> None:
        """GradientError if the tape was freed, or memory that it needs was written since."""
        if self.pull is _freed:
            raise GradientError(
                f"the tape of {self.name} was used and freed", where=str(self.loc),
                hint="pass retain_graph=True to the first backward",
            )  # fmt: skip
        if any(w[0] != n for w, n in zip(self.writes, self.seen, strict=True)):
            raise GradientError(
                f"an array of {self.name} was assigned in place after it was recorded, so its "
                "gradient would be wrong",
                where=str(self.loc),
                hint="compute a new array instead of writing into this one",
            )

    def free(self) -> None:
        """Let go of the arrays."""
        self.pull, self.inputs, self.edges, self.outputs = _freed, (), (), ()


def _freed(node: Node, grads: Sequence[ArrayBase | None], create: bool) -> list[ArrayBase | None]:
    raise AssertionError("check() refuses freed entries")


def _edge(x: ArrayBase) -> Edge | None:
    if x._node is not None:
        return x._node, x._index
    return x if x._grad_req is not None else None


class _Walk:
    """Gradients on their way back, by the entry and the result that they belong to."""

    def __init__(self, add: Callable[[ArrayBase, ArrayBase], ArrayBase]) -> None:
        self.add = add
        self.pending: dict[Node, dict[int, ArrayBase]] = {}
        self.arrived: dict[int, tuple[ArrayBase, ArrayBase]] = {}
        self.queue: list[tuple[int, Node]] = []

    def send(self, edge: Edge | None, grad: ArrayBase | None) -> None:
        """Add a gradient to where it goes."""
        if edge is None or grad is None:
            return
        if isinstance(edge, ArrayBase):
            before = self.arrived.get(id(edge))
            self.arrived[id(edge)] = edge, self.add(before[1], grad) if before else grad
            return
        node, index = edge
        if node not in self.pending:
            self.pending[node] = {}
            heapq.heappush(self.queue, (-node.order, node))
        slots = self.pending[node]
        slots[index] = self.add(slots[index], grad) if index in slots else grad

    def run(self, retain: bool, create: bool, keep: set[tuple[Node, int]]) -> dict[Any, ArrayBase]:
        """Walk; returns the gradients that passed the results in `keep`."""
        kept: dict[Any, ArrayBase] = {}
        while self.queue:
            _, node = heapq.heappop(self.queue)
            slots = self.pending.pop(node)
            kept |= {(node, i): g for i, g in slots.items() if (node, i) in keep}
            node.check()
            grads = [slots.get(i) for i in range(len(node.outputs))]
            for edge, grad in zip(node.edges, node.pull(node, grads, create), strict=True):
                self.send(edge, grad)
            if not retain:
                node.free()
        return kept


def gradients(
    heads: Sequence[ArrayBase],
    head_grads: Sequence[ArrayBase],
    variables: Sequence[ArrayBase],
    add: Callable[[ArrayBase, ArrayBase], ArrayBase],
    *,
    retain: bool,
    create: bool,
) -> tuple[list[ArrayBase | None], list[tuple[ArrayBase, ArrayBase]]]:
    """The gradients of `variables`, and (array, gradient) of every array that has one attached."""
    edges = [_edge(x) for x in heads]
    if all(e is None for e in edges):
        raise GradientError(
            "no op with a gradient was recorded on the way to these arrays",
            where=str(caller_loc("baryon")),
            hint="call attach_grad() on the inputs and compute inside `with autograd.record():`",
        )
    wanted = [_edge(v) for v in variables]
    walk = _Walk(add)
    for edge, grad in zip(edges, head_grads, strict=True):
        walk.send(edge, grad)
    keep = {e for e in wanted if isinstance(e, tuple)}
    kept = walk.run(retain or create, create, keep)
    found = [
        kept.get(e) if isinstance(e, tuple) else walk.arrived.get(id(e), (None, None))[1]
        for e in wanted
    ]
    return found, list(walk.arrived.values())
