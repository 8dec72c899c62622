"""Convolutions and matrix products of a group, as implicit GEMMs with what is fused around them.

In the group's body, ops before the anchor are the prologue (they run on the input as it is copied
to the strip); ops after it are the epilogue (they run on the accumulators).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from typing import Any

from baryon.codegen.expr import Expr, Math, const, tvm_name
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory
from baryon.codegen.kernels import algorithms, depthwise, matmul
from baryon.codegen.kernels.candidate import Candidate
from baryon.codegen.kernels.depthwise_tiles import Depthwise
from baryon.codegen.kernels.implicit_gemm import ImplicitGemm, Operands, Position
from baryon.codegen.kernels.microkernel import prefetch
from baryon.codegen.kernels.plan import Plan
from baryon.codegen.kernels.quantized import (
    Codes,
    QuantizedFactors,
    filters_of,
)
from baryon.codegen.kernels.requantize import Requantization, known_attributes
from baryon.codegen.pointwise import Domain, Frame, Packs
from baryon.codegen.targets import Target
from baryon.ir import (
    Array,
    Attr,
    Dim,
    DType,
    Op,
    Sym,
    TensorType,
    UnsupportedError,
    Value,
    bf16,
    f32,
    i8,
    i32,
    u16,
)
from baryon.ir.memory import strides
from baryon.ops import TABLE
from baryon.ops.nn_conv import CONVOLUTION, DECONVOLUTION, conv_window


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a convolution or a matrix product with element-wise neighbours."""
    if _is_direct(group):
        problem, plan = _plans(group, target)[0]
        return build_as(problem, plan)
    if depthwise.is_depthwise(group.main):
        return depthwise.build(group, target)
    return matmul.build(group, target)


def candidates(group: Group, target: Target) -> Sequence[Candidate]:
    """The plans for a group; none where another file makes the kernel."""
    found = _plans(group, target) if _is_direct(group) else []
    return [Candidate(p.name, p.efficiency, partial(build_as, c, p)) for c, p in found]


def written_for(group: Group, target: Target) -> Mapping[Op, Mapping[str, Attr]]:
    """Attributes that a group's kernel is written for, by op of which it reads others."""
    factors = None
    if _is_direct(group):
        factors = QuantizedFactors.of(group)
    elif depthwise.is_depthwise(group.main):
        factors = Depthwise(group, target).codes
    return known_attributes(group, factors) if factors else {}


def _plans(group: Group, target: Target) -> list[tuple[Contraction, Plan]]:
    """Ways to compute a group, best first.

    Where no instruction sums products of bfloat16, weights in it may also be widened when
    compiling, for algorithms that save multiplications.
    """
    problem = Contraction(group, target.dots, words=target.for_codes.code_depths)
    target = target.for_codes if problem.codes is not None else target
    found = [(problem, p) for p in algorithms.candidates(problem.spec, target, problem.is_constant)]
    if problem.has_pairs and not target.dots:
        wide = Contraction(group, widens=True)
        plans = algorithms.candidates(wide.spec, target)
        found += [(wide, p) for p in plans if p.name.split()[0] not in algorithms.WORDS]
    return sorted(found, key=lambda pair: -pair[1].efficiency)


def _is_direct(group: Group) -> bool:
    """Whether weights and inputs meet in an implicit GEMM or another algorithm for it."""
    op = group.main
    if op.name == CONVOLUTION:
        return not depthwise.is_depthwise(op)
    constant = group.payload(filters_of(group)) is not None
    return constant and op.name not in ("np.matmul", "npx.batch_dot")


def build_as(problem: Contraction, plan: Plan) -> Kernel:
    """The kernel that follows a plan: one of the `candidates` for the problem's spec."""
    group, spec, dtype = problem.group, problem.spec, problem.sum_dtype
    packed = TensorType((plan.packed_size,), plan.stored(problem.packed_dtype))
    packs: Packs = {problem.weight: (problem.packer(plan), packed)} if problem.is_constant else {}
    after = Requantization(group, problem.codes) if problem.codes else None
    builder = KernelBuilder()
    with builder.function():
        frame = Frame(builder, group, {**packs, **(after.packs if after else {})})
        weight = frame.inputs[problem.weight]
        weights = weight if problem.is_constant else plan.pack_at_run_time(weight, dtype)
        batch = builder.symbols.dim(problem.batch)
        if after:
            after.bind(frame, spec)
        fused = Fused(problem, frame, after)
        data, output = frame.inputs[problem.data], frame.outputs[0]
        operands = Operands(data, weights, output, batch, fetch=fused.fetch)
        plan.emit(operands, fused.epilogue, fused.prologue if spec.staged else None)
    images = problem.batch.factor if isinstance(problem.batch, Sym) else problem.batch
    return builder.finish(2 * spec.macs * images, plan.efficiency, plan=plan.name)


@dataclass(frozen=True)
class Contraction:
    """A group's anchor in the terms of `ImplicitGemm`.

    dots: whether bfloat16 factors are multiplied as they are, in pairs. widens: whether bfloat16
    weights are packed as float32. words: depths of a word of codes.
    """

    group: Group
    dots: bool = False
    widens: bool = False
    words: int = 2

    @cached_property
    def anchor(self) -> Op:
        """The convolution or fully-connected op."""
        return self.group.main

    @cached_property
    def codes(self) -> QuantizedFactors | None:
        """The factors, where they are multiplied as codes."""
        return QuantizedFactors.of(self.group)

    @cached_property
    def factor(self) -> Value:
        """The value that is multiplied: the anchor's input, or what it is widened from."""
        if self.codes is not None:
            return self.codes.data.value
        value = self.anchor.operands[0]
        op = value.op
        is_cast = op is not None and op.name == "npx.cast"
        narrow = op.operands[0] if op is not None and is_cast else value
        return narrow if self.has_pairs and self.dots and narrow.type.dtype == bf16 else value

    @cached_property
    def has_pairs(self) -> bool:
        """Whether weights are constants in bfloat16, and multiplied as such."""
        return (
            not self.widens
            and self.weight.type.dtype == bf16
            and self.group.payload(self.weight) is not None
        )

    @property
    def sum_dtype(self) -> DType:
        """The element type of sums."""
        return i32 if self.codes is not None else self.real_dtype

    @property
    def real_dtype(self) -> DType:
        """The element type of what sums mean, in which the epilogue begins."""
        dtype = self.anchor.result.type.dtype
        return f32 if dtype.is_float and dtype.bits == 16 else dtype

    @property
    def packed_dtype(self) -> DType:
        """The element type of packed weights; bfloat16 as bits."""
        if self.codes is not None:
            return i8
        return u16 if self.has_pairs else self.sum_dtype

    @property
    def source_dtype(self) -> DType:
        """The element type of the input as it is multiplied, or of codes as a prologue gives it."""
        if self.codes is not None:
            return self.factor.type.dtype
        is_pair = self.has_pairs and self.dots and self.factor.type.dtype == bf16
        return bf16 if is_pair else self.sum_dtype

    @property
    def is_staged(self) -> bool:
        """Whether the input has to be computed or converted before it is multiplied."""
        return self.factor is not self.data or self.data.type.dtype != self.source_dtype

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
        return filters_of(self.group)

    @property
    def is_constant(self) -> bool:
        """Whether the weights are known when compiling."""
        return self.group.payload(self.weight) is not None

    @property
    def bias(self) -> Value | None:
        """The region argument with the bias, if there is one."""
        operands = self.anchor.operands
        return self.group.source(operands[2]) if len(operands) > 2 else None

    @property
    def channel_axis(self) -> int:
        """The axis of the result along which columns run."""
        is_image = self.anchor.name in (CONVOLUTION, DECONVOLUTION)
        return 1 if is_image else self.output.rank - 1

    @property
    def output(self) -> TensorType:
        """Type of the group's result."""
        (result,) = self.group.op.results
        return result.type

    @property
    def batch(self) -> Dim:
        """Number of images; of a matrix with symbolic rows the symbol alone, as `spec` has the
        rows of each as pixels."""
        dim = self.data.type.shape[0]
        is_matrix = self.anchor.name not in (CONVOLUTION, DECONVOLUTION)
        return Sym(dim.name) if isinstance(dim, Sym) and is_matrix else dim

    @cached_property
    def spec(self) -> ImplicitGemm:
        """The problem that the kernel generator solves."""
        if self.anchor.name == CONVOLUTION:
            spec = convolution_spec(self.anchor, self.data.type, self.output)
            return replace(spec, **self._types)
        return self._matrix_product()

    @property
    def _types(self) -> dict[str, Any]:
        if self.codes is not None:
            return {
                "staged": self.is_staged,
                "dtype": tvm_name(self.sum_dtype),
                "source": "int16" if self.words == 2 else "uint8",
                "depths": self.words,
                "codes": self.codes.data.name,
                "zero": self.codes.data.quant.zero[0],
                "sum_bits": self.codes.sum_bits(self.group),
            }
        return {
            "staged": self.is_staged,
            "dtype": tvm_name(self.sum_dtype),
            "source": tvm_name(self.source_dtype),
            "depths": 2 if self.has_pairs else 1,
        }

    def packer(self, plan: Plan) -> Callable[[Array], Array]:
        """Brings constant weights into the form of a plan, in the type that it multiplies."""
        if self.codes is not None:
            signed = self.codes.signed
            return lambda w: plan.pack(signed(w))
        dtype = self.weight.type.dtype if self.has_pairs else self.sum_dtype
        codes = Codes.of(self.anchor.operands[1])
        real = codes.real if codes else lambda w: w
        return lambda w: plan.pack(real(w).astype(dtype.numpy, copy=False))

    def _matrix_product(self) -> ImplicitGemm:
        outputs, depth = (int_of(d) for d in self.weight.type.shape)
        rows = self.data.type.shape[0]
        static = prod(int_of(d) for d in self.data.type.shape[1:]) // depth
        if isinstance(rows, Sym):
            return self._product(outputs, depth, None, rows.factor * static)
        return self._product(outputs, depth, rows, static)

    def _product(self, outputs: int, depth: int, batch: int | None, pixels: int) -> ImplicitGemm:
        return ImplicitGemm(
            channels=depth,
            out_channels=outputs,
            batch=batch,
            size=(1, pixels),
            **self._types,
        )


def convolution_spec(op: Op, data: TensorType, output: TensorType) -> ImplicitGemm:
    """A convolution as an implicit GEMM; data and result lie as these types say."""
    window = conv_window(op.name, data.rank, TABLE[op.name].normalize(op.attrs))
    height, width = plane(data.shape[2:])
    step = strides(data)
    image_strides = None
    if data.layout is None and data.shape[1] != 1:
        image_strides = (step[0], step[-2] if data.rank > 3 else 0, step[-1], step[1])
    return ImplicitGemm(
        channels=int_of(data.shape[1]),
        out_channels=int_of(op.operands[1].type.shape[0]),
        batch=None if isinstance(data.shape[0], Sym) else data.shape[0],
        size=(height, width),
        kernel=plane(window.kernel),
        stride=plane(window.stride),
        dilation=plane(window.dilate),
        pad=_pads(window.before, window.after),
        groups=int(op.attrs.get("num_group", 1)),  # type: ignore[arg-type]
        pitch=pitch_of(data),
        out_pitch=pitch_of(output),
        input_strides=image_strides,
        dtype=tvm_name(output.dtype),
    )


class Fused:
    """Prologue and epilogue of a contraction as functions of vectors at positions."""

    def __init__(
        self, problem: Contraction, frame: Frame, sums: Requantization | None = None
    ) -> None:
        self.problem, self.frame, self.sums = problem, frame, sums
        channel = problem.channel_axis
        self.after = self._domain(problem.anchor.result.type, channel)
        self.before = self._domain(problem.data.type, channel)

    def _domain(self, type: TensorType, channel: int) -> Domain:
        pixels = [a for a in range(type.rank) if a != channel]
        return Domain(self.frame, type.shape, [pixels, [channel]])

    def epilogue(self, value: Expr, at: Position) -> Expr:
        """What the sums mean, the bias, then the ops after the anchor."""
        value = self._biased(self._real(value, at), at)
        result = self.problem.anchor.result
        known = {result: Math.cast(value, result.type.dtype)}
        place = self.after.place([at.pixel, at.channel], at.lanes, known)
        return place.value(self.problem.group.outputs[0])

    def prologue(self, value: Expr, at: Position) -> Expr:
        """The ops before the anchor, on the input."""
        place = self.before.place([at.pixel, at.channel], at.lanes, {self.problem.data: value})
        return Math.cast(place.value(self.problem.factor), self.problem.source_dtype)

    @cached_property
    def streamed(self) -> list[Memory]:
        """Operands of the epilogue that are as large as the result."""
        problem, size = self.problem, _elements(self.problem.output)
        read = dict.fromkeys(v for op in problem.epilogue for v in op.operands)
        large = (v for v in read if v in self.frame.inputs and _elements(v.type) == size)
        return [self.frame.inputs[v] for v in large]

    def fetch(self, at: Position) -> None:
        """Ask for what the epilogue will read at a position, while the sums are made."""
        place = self.after.place([at.pixel, at.channel])
        for memory in self.streamed:
            offset, _ = place.address(memory)
            prefetch(memory.load(offset), level=1)

    def _biased(self, value: Expr, at: Position) -> Expr:
        bias = self.problem.bias
        if bias is None or (self.sums and self.sums.bias):
            return value
        scalar = self.problem.group.scalar(bias)
        if scalar is not None:
            return value + const(scalar, value)
        loaded = self.frame.inputs[bias].load(at.channel, at.lanes)
        return value + Math.cast(loaded, self.problem.real_dtype)

    def _real(self, value: Expr, at: Position) -> Expr:
        """What sums of codes mean."""
        return self.sums.real(value, at.channel, at.lanes) if self.sums else value


def plane(values: Sequence[Any], line: int = 1) -> tuple[int, int]:
    """(vertical, horizontal) of one or two spatial numbers; `line` stands above a single one."""
    if len(values) > 2:
        raise UnsupportedError("convolution over three spatial axes has no kernel yet")
    padded = [line] * (2 - len(values)) + [int_of(v) for v in values]
    return padded[0], padded[1]


def _pads(before: Sequence[int], after: Sequence[int]) -> tuple[int, int, int, int]:
    top, left = [0] * (2 - len(before)) + list(before)
    bottom, right = [0] * (2 - len(after)) + list(after)
    return top, left, bottom, right


def pitch_of(type: TensorType) -> int | None:
    """The pitch of a channels-last value, None where channels lie densely."""
    return None if type.layout is None else type.layout.pitch


def int_of(dim: Any) -> int:
    """A dimension that must not be symbolic."""
    if isinstance(dim, Sym):
        raise UnsupportedError(f"the symbolic dimension {dim} is not the outermost")
    return int(dim)


def _elements(type: TensorType) -> int:
    """Elements for one row of a symbolic dimension."""
    return prod(d.factor if isinstance(d, Sym) else d for d in type.shape)
