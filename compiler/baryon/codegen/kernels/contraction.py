"""Convolutions and matrix products of a group, as implicit GEMMs with what is fused around them.

In the group's body, ops before the anchor are the prologue (they run on the input as it is copied
to the strip); ops after it are the epilogue (they run on the accumulators).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from tvm import tirx

from baryon.codegen.expr import Expr, const, splat
from baryon.codegen.group import Group, evaluate
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, Pack, tvm_dtype
from baryon.codegen.kernels.implicit_gemm import (
    Columns,
    ImplicitGemm,
    Operands,
    Position,
    Schedule,
    choose,
    emit,
    pack_weights,
)
from baryon.codegen.space import broadcast_steps
from baryon.codegen.targets import Target
from baryon.ir import Dim, Op, Sym, TensorType, UnsupportedError, Value
from baryon.ir.memory import strides
from baryon.ops import TABLE
from baryon.ops.nn_conv import CONVOLUTION, conv_window
from baryon.ops.windows import Window


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a convolution or fully-connected group with constant weights."""
    problem = Contraction(group)
    spec = problem.spec
    schedule = choose(spec, target)
    builder = KernelBuilder()
    with builder.function():
        source = builder.param(("operand", problem.index(problem.data)), problem.data.type)
        pack = Pack(problem.index(problem.weight), lambda w: pack_weights(w, spec, schedule))
        weights = builder.param(pack, _packed_type(problem, schedule))
        others = {
            v: builder.param(("operand", problem.index(v)), v.type) for v in problem.others()
        }
        output = builder.param(("result", 0), problem.output)
        fused = _Fused(problem, others)
        emit(
            spec,
            schedule,
            Operands(source, weights, output, builder.symbols.dim(problem.batch)),
            fused.epilogue,
            fused.prologue if problem.prologue else None,
        )
    images = problem.batch.factor if isinstance(problem.batch, Sym) else problem.batch
    return builder.finish(flops=2 * spec.macs * images, schedule=str(schedule))


def _packed_type(problem: Contraction, schedule: Schedule) -> TensorType:
    return TensorType((prod(Columns(problem.spec, schedule).packed_shape),), problem.output.dtype)


@dataclass(frozen=True)
class Contraction:
    """A group's anchor in the terms of `ImplicitGemm`."""

    group: Group

    @cached_property
    def anchor(self) -> Op:
        """The convolution or fully-connected op."""
        assert self.group.anchor is not None
        return self.group.anchor

    @cached_property
    def prologue(self) -> Sequence[Op]:
        """Element-wise ops before the anchor."""
        body = list(self.group.body)
        return body[: body.index(self.anchor)]

    @cached_property
    def epilogue(self) -> Sequence[Op]:
        """Element-wise ops after the anchor."""
        body = list(self.group.body)
        return body[body.index(self.anchor) + 1 :]

    @cached_property
    def data(self) -> Value:
        """The region argument that the kernel reads as its input matrix or image."""
        value = self.anchor.operands[0]
        while value.op is not None:  # through the prologue: the operand of the same shape
            value = next(v for v in value.op.operands if v.type.shape == value.type.shape)
        return value

    @property
    def weight(self) -> Value:
        """The region argument with the weights."""
        return self.anchor.operands[1]

    @property
    def bias(self) -> Value | None:
        """The region argument with the bias, if there is one."""
        return self.anchor.operands[2] if len(self.anchor.operands) > 2 else None

    @property
    def channel_axis(self) -> int:
        """The axis of the result along which columns run."""
        return 1 if self.anchor.name == CONVOLUTION else self.output.rank - 1

    @property
    def output(self) -> TensorType:
        """Type of the group's result."""
        (result,) = self.group.op.results
        return result.type

    def index(self, arg: Value) -> int:
        """Number of a region argument."""
        return list(self.group.args).index(arg)

    def others(self) -> list[Value]:
        """Arguments that the epilogue and the prologue read from memory."""
        read = [v for op in (*self.prologue, *self.epilogue) for v in op.operands if v.op is None]
        wanted = dict.fromkeys([*([self.bias] if self.bias is not None else []), *read])
        # the data may also be read by the epilogue (a residual around the anchor)
        inner = {v for op in self.prologue for v in op.operands} & {self.data}
        after = {v for op in self.epilogue for v in op.operands}
        skip = inner - after
        return [v for v in wanted if v not in skip and self.group.scalar(v) is None]

    @property
    def batch(self) -> Dim:
        """Number of images, or of rows of a matrix that may be symbolic."""
        dim = self.data.type.shape[0]
        return Sym(dim.name) if isinstance(dim, Sym) else dim

    @cached_property
    def spec(self) -> ImplicitGemm:
        """The problem that the kernel generator solves."""
        if self.group.payload(self.weight) is None:
            raise UnsupportedError(
                f"{self.anchor.name} needs constant weights", where=str(self.anchor.loc)
            )
        is_convolution = self.anchor.name == CONVOLUTION
        return self._convolution() if is_convolution else self._matrix_product()

    def _convolution(self) -> ImplicitGemm:
        data, window = self.data.type, self._window()
        height, width = _plane(data.shape[2:])
        step = strides(data)
        image_strides = None
        if data.layout is None and data.shape[1] != 1:
            image_strides = (step[0], step[-2] if data.rank > 3 else 0, step[-1], step[1])
        return ImplicitGemm(
            channels=_int(data.shape[1]),
            out_channels=_int(self.weight.type.shape[0]),
            batch=None if isinstance(data.shape[0], Sym) else data.shape[0],
            size=(height, width),
            kernel=_plane(window.kernel),
            stride=_plane(window.stride),
            dilation=_plane(window.dilate),
            pad=_pads(window.before, window.after),
            groups=int(self.anchor.attrs.get("num_group", 1)),  # type: ignore[arg-type]
            pitch=_pitch(data),
            out_pitch=_pitch(self.output),
            input_strides=image_strides,
            staged=bool(self.prologue),
            dtype=tvm_dtype(self.output),
        )

    def _window(self) -> Window:
        op = self.anchor
        return conv_window(op.name, self.data.type.rank, TABLE[op.name].normalize(op.attrs))

    def _matrix_product(self) -> ImplicitGemm:
        outputs, depth = (_int(d) for d in self.weight.type.shape)
        rows = self.data.type.shape[0]
        static = prod(_int(d) for d in self.data.type.shape[1:]) // depth
        if isinstance(rows, Sym):
            return self._product(outputs, depth, None, rows.factor * static)
        return self._product(outputs, depth, rows, static)

    def _product(self, outputs: int, depth: int, batch: int | None, pixels: int) -> ImplicitGemm:
        return ImplicitGemm(
            channels=depth,
            out_channels=outputs,
            batch=batch,
            size=(1, pixels),
            staged=bool(self.prologue),
            dtype=tvm_dtype(self.output),
        )


class _Fused:
    """Prologue and epilogue of a contraction as functions of vectors at positions."""

    def __init__(self, problem: Contraction, others: dict[Value, Memory]) -> None:
        self.problem, self.others = problem, others

    def epilogue(self, value: Expr, at: Position) -> Expr:
        """Bias, then the ops after the anchor."""
        problem = self.problem
        if problem.bias is not None:
            bias = problem.group.scalar(problem.bias)
            memory = self.others.get(problem.bias)
            value = value + (memory.load(at.channel, at.lanes) if memory else const(bias, value))
        known = evaluate(
            problem.epilogue,
            {problem.anchor.result: value},
            lambda v: self.load(v, problem.output.shape, at),
        )
        return known[problem.group.outputs[0]]

    def prologue(self, value: Expr, at: Position) -> Expr:
        """The ops before the anchor, on the input."""
        problem = self.problem
        shape = problem.data.type.shape
        known = evaluate(
            problem.prologue, {problem.data: value}, lambda v: self.load(v, shape, at)
        )
        return known[problem.anchor.operands[0]]

    def load(self, arg: Value, domain: Sequence[Dim], at: Position) -> Expr:
        """The elements of an operand that broadcasts to `domain` at a position."""
        scalar = self.problem.group.scalar(arg)
        if scalar is not None:
            return splat(tirx.const(scalar, tvm_dtype(arg.type)), at.lanes)
        walk = Walk.over(arg.type, domain, self.problem.channel_axis)
        return self.others[arg].load(walk.offset(at), at.lanes, walk.channel)


@dataclass(frozen=True)
class Walk:
    """Elements that an operand moves per image, along each spatial axis, and per channel."""

    image: int
    spatial: tuple[tuple[int, int], ...]
    channel: int

    @staticmethod
    def over(type: TensorType, domain: Sequence[Dim], channel_axis: int) -> Walk:
        """The walk of an operand that broadcasts to `domain`; `spatial` holds (size, step)."""
        steps = broadcast_steps(type, domain)
        inner = [a for a in range(1, len(domain)) if a != channel_axis]
        spatial = tuple((_int(domain[a]), steps[a]) for a in inner if domain[a] != 1)
        return Walk(steps[0], spatial, steps[channel_axis])

    def offset(self, at: Position) -> Expr:
        """Element offset of a position."""
        start = at.channel * self.channel
        pixels = prod(size for size, _ in self.spatial)
        unit = self.spatial[-1][1] if self.spatial else self.image
        steps = [self.image, *(step for _, step in self.spatial)]
        spans = [pixels, *(prod(s for s, _ in self.spatial[i + 1 :]) for i in range(len(self.spatial)))]
        if all(step == unit * span for step, span in zip(steps, spans, strict=True)):
            return start + at.pixel * unit
        inside = at.pixel - at.image * pixels
        start = start + at.image * self.image
        for size, step in reversed(self.spatial):
            start = start + tirx.floormod(inside, size) * step
            inside = tirx.floordiv(inside, size)
        return start


def _plane(values: Sequence[Any]) -> tuple[int, int]:
    """(height, width) of one or two spatial numbers; a line has height 1."""
    if len(values) > 2:
        raise UnsupportedError("convolution over three spatial axes has no kernel yet")
    padded = [1] * (2 - len(values)) + [_int(v) for v in values]
    return padded[0], padded[1]


def _pads(before: Sequence[int], after: Sequence[int]) -> tuple[int, int, int, int]:
    top, left = [0] * (2 - len(before)) + list(before)
    bottom, right = [0] * (2 - len(after)) + list(after)
    return top, left, bottom, right


def _pitch(type: TensorType) -> int | None:
    return None if type.layout is None else type.layout.pitch


def _int(dim: Any) -> int:
    if isinstance(dim, Sym):
        raise UnsupportedError(f"the symbolic dimension {dim} is not the outermost")
    return int(dim)
