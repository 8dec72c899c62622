"""Attention without its matrix of scores, by an online softmax (arXiv:1805.02867, 2205.14135).

A task takes panels of queries of one head. Vectors run along the queries of a panel: then keys and
values are read element by element where they lie, the maximum and the sum of a softmax are
element-wise, and the exponentials are the right factor of the second product as they are. Only the
panel itself is packed. Blocks of keys, whose scores stay in level 1, come one after the other:

    scores[key, query]   = sum over d of key[key, d] * query[d, query], masked
    peak', shrink        = max(peak, scores), exp(peak - peak')
    weights              = exp(scores - peak'), over the scores
    total                = total * shrink + sum of weights over keys
    out[d, query]        = out * shrink + sum over keys of value[key, d] * weights[key, query]

Each query's sums run over the keys in their order: the result does not depend on the threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from baryon.codegen.expr import Expr, Math, bind, const, lane_const, transpose, tvm_name
from baryon.codegen.group import Group, evaluate
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.attention_operands import Heads, Lines, Masks, back, packed_masks
from baryon.codegen.kernels.attention_plan import Plan
from baryon.codegen.kernels.microkernel import Loop, Multiply
from baryon.codegen.kernels.microkernel import bind as named
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Value
from baryon.ops.attention import HeadLayout

COPY_PANELS = 3
"""Panels of a task from which on its keys and values are copied."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of an attention."""
    plan = Plan.of(group.main, target)
    builder = KernelBuilder()
    with builder.function():
        frame = Frame(builder, group, packed_masks(group))
        if 0 in group.main.result.type.shape:
            T.evaluate(0)
        else:
            _Emitter(plan, frame).emit()
    return builder.finish(flops=plan.flops, plan=str(plan))


class _Emitter:
    def __init__(self, plan: Plan, frame: Frame) -> None:
        self.plan, self.frame, self.attrs = plan, frame, frame.group.attrs
        (result,), op = frame.group.op.results, frame.group.main
        self.query, self.key, self.value = (
            Heads.read(frame, x, layout)
            for x, layout in zip(op.operands, plan.layouts, strict=False)
        )
        layout = HeadLayout(self.attrs["axes"], 0, 1, plan.heads)
        self.out = Heads.of(frame.outputs[0], result.type, layout)
        self.masks = Masks(frame, plan)
        scale = self.attrs["scale"]
        self.scale = max(plan.size, 1) ** -0.5 if scale is None else scale

    def emit(self) -> None:
        """Tasks over batch, heads and runs of panels."""
        plan = self.plan
        runs = ceil_div(plan.panels, plan.per_task)
        work = plan.per_task * plan.width * plan.keys * (plan.size + plan.value_size) // 8
        with self.frame.builder.tasks([plan.batch, plan.heads, runs], work) as [image, head, run]:
            first = named(run * plan.per_task)
            exact = plan.panels % plan.per_task == 0
            count = plan.per_task if exact else tirx.min(plan.panels - first, plan.per_task)
            self._run(image, head, first, count)

    def _run(self, image: Expr, head: Expr, first: Expr, count: Expr) -> None:
        """Some panels of one head."""
        plan = self.plan
        times = plan.heads // plan.key_heads
        shared = head if times == 1 else named(tirx.floordiv(head, times))
        panel = _Panel(plan)
        query = self.query.lines(image, head, plan.dtype)
        key = self._dense(self.key.lines(image, shared, plan.dtype), plan.size)
        value = self._dense(self.value.lines(image, shared, plan.dtype), plan.value_size)
        out = self.out.lines(image, head, plan.dtype)
        with grid([count]) as [i]:
            column = named(back(first + i, plan.width, plan.queries))
            self._pack(panel, query, column)
            panel.clear()
            self._all_keys(panel, key, value, (image, head, column))
            self._store(panel, out, column)

    def _dense(self, lines: Lines, size: int) -> Lines:
        """Keys or values where they lie, or copied: neighbours in memory are read much faster.

        Codes are copied always: they would be decoded one by one, for each panel.
        """
        few = self.plan.per_task < COPY_PANELS and lines.decode is None
        if not size or lines.is_dense(size) or few:
            return lines
        return lines.copied(self.plan.keys, size, self.plan.lanes)

    def _all_keys(self, panel: _Panel, key: Lines, value: Lines, place: Sequence[Expr]) -> None:
        """All blocks of keys for one panel. place: its image, head and first query."""
        plan = self.plan
        whole, rest = divmod(plan.keys, plan.block)
        with grid([whole]) as [n]:
            self._block(panel, key, value, named(n * plan.block), plan.block, place)
        if rest:
            self._block(panel, key, value, plan.keys - rest, rest, place)

    def _pack(self, panel: _Panel, query: Lines, column: Expr) -> None:
        """The scaled queries as [element, query]."""
        plan = self.plan
        side = plan.lanes if _is_square(plan.lanes, plan.size) and query.step == 1 else 1
        with T.serial(0, ceil_div(plan.size, side)) as v:
            d = named(back(v, side, plan.size))
            for j, line in enumerate(plan.starts):
                at = named(query.start + (column + line) * query.line + d * query.step)
                if side == 1:
                    rows = [query.load(at, plan.lanes, query.line)]
                else:
                    lines = [query.load(at + i * query.line, plan.lanes) for i in range(side)]
                    rows = transpose(lines)
                for i, row in enumerate(rows):
                    scaled = row * const(self.scale, row)
                    panel.query.store(scaled, (d + i) * plan.row + j * plan.lanes, plan.lanes)

    def _block(
        self, panel: _Panel, key: Lines, value: Lines, first: Expr, count: int,
        place: Sequence[Expr],
    ) -> None:  # fmt: skip
        """`count` keys from `first` on."""
        before = [bind(p) for p in panel.vectors(panel.peak)]
        self._scores(panel, key, first, count, place)
        # where all scores so far are -inf, 0 keeps exponentials from being NaN
        low = [const(-math.inf, p) for p in before]
        peaks = [bind(tirx.Select(p > m, p, const(0, p)))
                 for p, m in zip(panel.vectors(panel.peak), low, strict=True)]  # fmt: skip
        shrink = None
        if self.plan.blocks > 1:
            shrink = [Math.exp_nonpositive(b - p) for b, p in zip(before, peaks, strict=True)]
        self._weigh(panel, count, peaks, shrink)
        self._add_values(panel, value, first, count, shrink)

    def _scores(
        self, panel: _Panel, key: Lines, first: Expr, count: int, place: Sequence[Expr]
    ) -> None:
        """The masked scores of a block, and the peaks so far."""
        plan = self.plan
        multiply = self._multiply(key, panel.query, Loop(plan.size, key.step))
        begin = named(key.start + first * key.line)
        for start, tiles, height in _tiles(count, plan.tile.rows):
            with grid([tiles]) as [t]:
                line = named(start + t * height)
                offsets = [named(begin + (line + i) * key.line) for i in range(height)]
                products = multiply.emit(offsets, 0) if plan.size else self._nothing(height)
                for i, row in enumerate(products):
                    for j, product in enumerate(row):
                        image, head, column = place
                        at_mask = (image, head, column + plan.starts[j], first + line + i)
                        score = self.masks.apply(product, at_mask)
                        at = (line + i) * plan.row + j * plan.lanes
                        panel.scores.store(score, at, plan.lanes)
                        panel.raise_peak(j, score)

    def _multiply(self, head: Lines, panel: Memory, loop: Loop) -> Multiply:
        plan = self.plan
        vectors, dtype = len(plan.starts), tvm_name(plan.dtype)
        return Multiply(head, panel, [loop], plan.row, plan.lanes, vectors, dtype)

    def _nothing(self, height: int) -> list[list[Expr]]:
        zero = lane_const(0, self.plan.dtype, self.plan.lanes)
        return [[zero] * len(self.plan.starts)] * height

    def _weigh(
        self, panel: _Panel, count: int, peaks: Sequence[Expr], shrink: Sequence[Expr] | None
    ) -> None:
        """Exponentials in the place of scores, and their sums."""
        plan = self.plan
        if shrink is not None:
            for j, factor in enumerate(shrink):
                panel.put(panel.total, j, panel.get(panel.total, j) * factor)
        with T.serial(0, count) as k:
            for j, peak in enumerate(peaks):
                at = k * plan.row + j * plan.lanes
                weight = Math.exp_nonpositive(panel.scores.load(at, plan.lanes) - peak)
                panel.scores.store(weight, at, plan.lanes)
                panel.put(panel.total, j, panel.get(panel.total, j) + weight)

    def _add_values(
        self, panel: _Panel, value: Lines, first: Expr, count: int, shrink: Sequence[Expr] | None
    ) -> None:
        """The values of a block, weighted."""
        plan = self.plan
        multiply = self._multiply(value, panel.scores, Loop(count, value.line))
        begin = named(value.start + first * value.line)
        for start, tiles, height in _tiles(plan.value_size, plan.tile.rows):
            with grid([tiles]) as [t]:
                d = named(start + t * height)
                offsets = [named(begin + (d + i) * value.step) for i in range(height)]
                for i, row in enumerate(multiply.emit(offsets, 0)):
                    for j, added in enumerate(row):
                        at = (d + i) * plan.row + j * plan.lanes
                        before = None if shrink is None else panel.out.load(at, plan.lanes)
                        total = added if shrink is None else added + before * shrink[j]
                        panel.out.store(total, at, plan.lanes)

    def _store(self, panel: _Panel, out: Lines, column: Expr) -> None:
        """The weighted means of a panel, each query's elements side by side again."""
        plan = self.plan
        weights = [bind(total) for total in panel.vectors(panel.total)]
        inverses = [bind(const(1, w) / w) for w in weights]
        side = plan.lanes if _is_square(plan.lanes, plan.value_size) and out.step == 1 else 1
        start = named(out.start + column * out.line)
        with T.serial(0, ceil_div(plan.value_size, side)) as v:
            d = named(back(v, side, plan.value_size))
            for j, line in enumerate(plan.starts):
                sums = [panel.out.load((d + i) * plan.row + j * plan.lanes, plan.lanes)
                        for i in range(side)]  # fmt: skip
                means = [self._mean(x, weights[j], inverses[j]) for x in sums]
                at = named(start + line * out.line + d * out.step)
                if side == 1:
                    out.store(self._stored(means[0]), at, plan.lanes, out.line)
                    continue
                for i, row in enumerate(transpose(means)):
                    out.store(self._stored(row), at + i * out.line, plan.lanes, 1)

    def _mean(self, total: Expr, weight: Expr, inverse: Expr) -> Expr:
        """A weighted sum by the sum of its weights, with the rows that are 0 by declaration."""
        mean, none = total * inverse, const(0, weight)
        if self.attrs["zero_rows"] == "empty":
            mean = tirx.Select(weight <= none, none, mean)
        elif self.attrs["zero_rows"] == "undefined":
            mean = tirx.Select(weight > none, mean, none)  # not so for NaN
        return bind(mean)

    def _stored(self, mean: Expr) -> Expr:
        """What is stored of a mean: itself, or its code."""
        group = self.frame.group
        return evaluate(group.outputs[0], {group.main.result: mean}, _nothing_else)


class _Panel:
    """Scratch memory of a task.

    query: [element, query]. scores: [key, query] of a block. out: [element, query] sums. peak,
    total: of the softmax, per query.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.query = Memory.local(max(plan.size, 1) * plan.row, plan.dtype)
        self.scores = Memory.local(plan.block * plan.row, plan.dtype)
        self.out = Memory.local(max(plan.value_size, 1) * plan.row, plan.dtype)
        self.peak, self.total = ([Memory.local(plan.lanes, plan.dtype) for _ in plan.starts]
                                 for _ in range(2))  # fmt: skip

    def clear(self) -> None:
        """Begin with a panel of queries: nothing seen yet."""
        plan = self.plan
        zero = lane_const(0, plan.dtype, plan.lanes)
        for j in range(len(plan.starts)):
            self.put(self.peak, j, lane_const(-math.inf, plan.dtype, plan.lanes))
            self.put(self.total, j, zero)
        if plan.blocks > 1:
            with T.serial(0, max(plan.value_size, 1) * len(plan.starts)) as i:
                self.out.store(zero, i * plan.lanes, plan.lanes)

    def get(self, memory: Sequence[Memory], vector: int) -> Expr:
        """A vector of peaks or totals."""
        return memory[vector].load(0, self.plan.lanes)

    def put(self, memory: Sequence[Memory], vector: int, value: Expr) -> None:
        """Write a vector of peaks or totals."""
        memory[vector].store(value, 0, self.plan.lanes)

    def vectors(self, memory: Sequence[Memory]) -> list[Expr]:
        """All vectors of peaks or totals."""
        return [self.get(memory, j) for j in range(len(memory))]

    def raise_peak(self, vector: int, score: Expr) -> None:
        """Let the peaks be no less than a score; a NaN passes by, and comes out of exp."""
        peak = self.get(self.peak, vector)
        self.put(self.peak, vector, tirx.Select(score > peak, score, peak))


def _nothing_else(value: Value) -> Expr:
    raise AssertionError(f"the epilogue of attention reads {value}")


def _tiles(total: int, rows: int) -> Iterator[tuple[int, int, int]]:
    """(start, number, height) of tiles that cover `total` lines: high ones, then the rest."""
    whole, rest = divmod(total, rows)
    if whole:
        yield 0, whole, rows
    if rest:
        yield whole * rows, 1, rest


def _is_square(lanes: int, depth: int) -> bool:
    """Whether vectors along the depth may be turned into vectors along lines."""
    return depth >= lanes > 1 and lanes & (lanes - 1) == 0
