"""Convolutions whose weights arrive at run time, and the gradients of convolution and pooling.

Sums of a few thousand products in float32 are compared with float64: errors stay below 1e-5 of the
largest result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.targets import get_target
from baryon.ir import TensorType, f32
from baryon.ops import TABLE
from codegen.harness import Case, module_text, set_threads
from codegen.test_elementwise import SETTINGS

LAST = "{channels_last}"


@dataclass(frozen=True)
class Problem:
    """A convolution. layout: of operands that are images; results are channels-last."""

    data: tuple[int, ...]
    filters: int
    attrs: dict[str, Any]
    layout: str = LAST
    dtype: str = "f32"
    symbolic: bool = False

    @property
    def weight(self) -> tuple[int, ...]:
        """Shape of the weights."""
        per_group = self.data[1] // self.attrs.get("num_group", 1)
        return (self.filters, per_group, *self.attrs["kernel"])

    @property
    def out(self) -> tuple[int, ...]:
        """Shape of the result."""
        types = TensorType(self.data, f32), TensorType(self.weight, f32), None
        opdef = TABLE["npx.convolution"]
        result = opdef.infer(*types, **opdef.normalize(self.attrs))
        assert isinstance(result, TensorType)
        return result.static_shape

    @property
    def adj(self) -> tuple[int, ...]:
        """Rows at the end of data that no window sees."""
        window = TABLE["npx.deconvolution"].normalize(self.attrs)
        least = TABLE["npx.deconvolution"].infer(
            TensorType(self.out, f32), TensorType(self.weight, f32), None, **window
        )
        assert isinstance(least, TensorType)
        return tuple(a - b for a, b in zip(self.data[2:], least.static_shape[2:], strict=True))

    def image(self, shape: tuple[int, ...], layout: str = LAST) -> str:
        """The type of a batch of images."""
        batch = "N" if self.symbolic else shape[0]
        return f"{self.dtype}[{batch},{','.join(map(str, shape[1:]))}]{layout}"

    def plain(self, shape: tuple[int, ...]) -> str:
        """The type of weights."""
        return f"{self.dtype}[{','.join(map(str, shape))}]"

    def case(self, kind: str, args: str, op: str, result: str, extra: str = "") -> Case:
        """The group of one op."""
        attrs = ", ".join(f"{k}={v}" for k, v in self.attrs.items())
        ops = f"%y = {op} {{{attrs}{extra}}} : {result}"
        text = module_text(args, ops, "%y", symbol="N" if self.symbolic else "")
        return Case(text, kind, {"N": self.data[0]} if self.symbolic else None)

    def forward(self) -> Case:
        """The convolution."""
        args = f"%x: {self.image(self.data, self.layout)}, %w: {self.plain(self.weight)}"
        op = "npx.convolution(%x, %w)"
        return self.case("implicit_gemm", args, op, self.image(self.out))

    def to_data(self) -> Case:
        """The gradient of its data."""
        args = f"%g: {self.image(self.out, self.layout)}, %w: {self.plain(self.weight)}"
        op, extra = "npx.deconvolution(%g, %w)", f", adj={self.adj}"
        return self.case("deconvolution", args, op, self.image(self.data), extra)

    def to_weight(self) -> Case:
        """The gradient of its weights."""
        args = f"%x: {self.image(self.data, self.layout)}, %g: {self.image(self.out, self.layout)}"
        op = "ir.convolution_weight_gradient(%x, %g)"
        return self.case("weight_gradient", args, op, self.plain(self.weight))


def check(case: Case, tolerance: float = 1e-5) -> None:
    """The kernel's result is the interpreter's in float64, within a share of the largest."""
    pairs: Any = zip(case.run(), case.expected(precise=True), strict=True)
    for got, want in pairs:
        most = max(float(np.abs(want).max(initial=0)), 1.0)
        np.testing.assert_allclose(got, want, 0, tolerance * most)


KINDS = ("forward", "to_data", "to_weight")


@settings(SETTINGS, max_examples=30)
@given(st.data())
def test_any_convolution(data: Any) -> None:
    draw = data.draw
    group = draw(st.sampled_from([1, 1, 1, 2, 4]))
    kernel = draw(st.sampled_from([(3, 3), (1, 1), (5, 5), (2, 3), (1, 4)]))
    attrs = {
        "kernel": kernel,
        "stride": draw(st.sampled_from([(1, 1), (2, 2), (1, 3), (2, 1)])),
        "dilate": draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (3, 1)])),
        "pad": draw(st.sampled_from([(0, 0), (1, 1), (2, 1), (0, 1, 2, 0), (4, 4)])),
        "num_group": group,
    }
    size = (
        draw(st.integers(1, 3)),
        group * draw(st.integers(1, 9)),
        *draw(st.tuples(st.integers(9, 14), st.integers(13, 18))),
    )
    filters = group * draw(st.sampled_from([1, 3, 8, 17, 20]))
    layout = draw(st.sampled_from([LAST, LAST, ""]))
    problem = Problem(size, filters, attrs, layout, symbolic=draw(st.booleans()))
    check(getattr(problem, draw(st.sampled_from(KINDS)))())


EDGES = {
    "first layer": Problem((3, 1, 28, 28), 20, {"kernel": (5, 5)}),
    "three channels": Problem((2, 3, 32, 32), 64, {"kernel": (3, 3), "pad": (1, 1)}),
    "blocks of images": Problem((7, 13, 4, 4), 5, {"kernel": (3, 3), "pad": (1, 1)}),
    "one pixel": Problem((9, 70, 1, 1), 33, {"kernel": (1, 1)}),
    "large image": Problem((2, 5, 40, 31), 130, {"kernel": (3, 3), "pad": (1, 1)}),
    "a line": Problem((2, 6, 33), 9, {"kernel": (3,), "stride": (2,), "pad": (1,)}),
    "shortcut": Problem((2, 24, 9, 9), 40, {"kernel": (1, 1), "stride": (2, 2)}),
    "depthwise": Problem(
        (3, 19, 9, 8), 19, {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "num_group": 19}
    ),
    "wide padding": Problem((1, 4, 5, 5), 6, {"kernel": (1, 1), "pad": (2, 2)}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str, kind: str) -> None:
    check(getattr(EDGES[name], kind)())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["first layer", "blocks of images", "depthwise", "large image"])
def test_threads_do_not_change_results(name: str, kind: str) -> None:
    case = getattr(EDGES[name], kind)()
    first = case.run()[0]
    set_threads(1)
    try:
        assert case.run()[0].tobytes() == first.tobytes()
    finally:
        set_threads(2)


@pytest.mark.parametrize("kind", KINDS)
def test_double_precision(kind: str) -> None:
    attrs = {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)}
    check(getattr(Problem((2, 6, 9, 8), 10, attrs, dtype="f64"), kind)(), 1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_other_targets(kind: str) -> None:
    """Kernels of processors with other vectors compile; what they compute cannot run here."""
    for target in map(get_target, ("x86-64", "x86-64-v4")):
        case = getattr(EDGES["three channels"], kind)()
        case.target = target
        assert case.kernel.flops


def test_constant_weights_of_a_transposed_convolution() -> None:
    values = np.random.default_rng(1).uniform(-1, 1, 5 * 7 * 9).round(3)
    weight = "f32[5,7,3,3]"
    ops = f'%w = ir.constant() {{name="w"}} : {weight}\n'
    ops += "%d = npx.deconvolution(%x, %w, %b) {kernel=(3,3), stride=(2,2), pad=(1,1)} : "
    ops += f"f32[2,7,11,9]{LAST}\n%y = npx.relu(%d) : f32[2,7,11,9]{LAST}"
    constants = f"constant @w : {weight} = ({', '.join(map(str, values))})"
    args = f"%x: f32[2,5,6,5]{LAST}, %b: f32[7]"
    check(Case(module_text(args, ops, "%y", constants=constants), "deconvolution"))


@pytest.mark.parametrize("channels", [6, 16, 83])
def test_taps_that_no_pixel_meets(channels: int) -> None:
    """With a stride above the window some pixels of the data are in no window."""
    result = f"f32[1,{channels},5,14]{LAST}"
    ops = f"%d = npx.deconvolution(%x, %w, %b) {{kernel=(1,2), stride=(2,3)}} : {result}"
    ops += f"\n%y = np.tanh(%d) : {result}"
    args = f"%x: f32[1,3,3,5]{LAST}, %w: f32[3,{channels},1,2], %b: f32[{channels}]"
    check(Case(module_text(args, ops, "%y"), "deconvolution"))


def pooling_gradient(channels: int, layout: str, attrs: dict[str, Any]) -> Case:
    """The gradient of a pooling of images that hold equal elements."""
    opdef = TABLE["npx.pooling"]
    x = TensorType((2, channels, 9, 8), f32)
    result = opdef.infer(x, **opdef.normalize(attrs))
    assert isinstance(result, TensorType)
    text = ", ".join(f"{k}={v!r}".replace("'", '"') for k, v in attrs.items())
    data, out = (f"f32[N,{','.join(map(str, t.shape[1:]))}]{layout}" for t in (x, result))
    ops = f"%z = ir.pooling_gradient(%x, %y, %g) {{{text}}} : {data}"
    args = f"%x: {data}, %y: {out}, %g: {out}"
    case = Case(module_text(args, ops, "%z", symbol="N"), "pool_gradient", {"N": 2})
    case.inputs[0] = case.inputs[0].round(0)
    (case.inputs[1],) = opdef.evaluate(case.inputs[:1], attrs)
    return case


@SETTINGS
@given(st.data())
def test_gradients_of_pooling(data: Any) -> None:
    draw = data.draw
    kernel = draw(st.tuples(*[st.integers(1, 4)] * 2))
    attrs = {
        "kernel": kernel,
        "stride": draw(st.tuples(*[st.integers(1, 3)] * 2)),
        "pad": tuple(draw(st.integers(0, k - 1)) for k in kernel * 2),
        "pool_type": draw(st.sampled_from(["max", "avg", "sum"])),
        "pooling_convention": draw(st.sampled_from(["valid", "full", "same"])),
        "count_include_pad": draw(st.booleans()),
    }
    layout = draw(st.sampled_from(["", LAST]))
    check(pooling_gradient(draw(st.sampled_from([1, 5, 8, 19])), layout, attrs))


@pytest.mark.parametrize("pool_type", ["max", "avg"])
def test_gradients_of_global_pooling(pool_type: str) -> None:
    check(pooling_gradient(20, LAST, {"global_pool": True, "pool_type": pool_type}))
