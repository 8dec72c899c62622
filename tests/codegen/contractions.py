"""Contractions on arrays: what they should give, in float64, and what a plan's kernel gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import tirx

from baryon.codegen.helpers import helpers_for
from baryon.codegen.kernels.microkernel import Buffer, Expr
from baryon.codegen.kernels.plan import Plan
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.kernels.standalone import Fused, prim_func
from baryon.codegen.kernels.strip import Position
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Target, get_target
from codegen.harness import set_threads

Array = NDArray[Any]
TARGET = get_target("native")


@dataclass(frozen=True)
class Data:
    """Input [n,h,w,c] dense, weights (O,I/g,R,S), and their convolution in float64."""

    source: Array
    weights: Array
    expected: Array


def make_data(spec: ImplicitGemm, batch: int = 1, seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    shape = (spec.out_channels, spec.group_channels, *spec.kernel)
    if spec.codes is not None:
        return _code_data(spec, rng, (batch, *spec.size, spec.channels), shape)
    source = rng.standard_normal((batch, *spec.size, spec.channels), dtype=np.float32)
    weights = rng.standard_normal(shape, dtype=np.float32)
    return Data(source, weights, convolve(source, weights, spec))


def _code_data(
    spec: ImplicitGemm, rng: np.random.Generator, data: tuple[int, ...], filters: tuple[int, ...]
) -> Data:
    """Codes of the whole range; what is expected are sums without the zero point."""
    source = rng.integers(0, 256, data).astype(np.uint8).view(np.dtype(spec.codes))
    weights = rng.integers(-128, 128, filters).astype(np.int8)
    source[0, 0, 0], weights[0] = np.iinfo(source.dtype).max, -128  # the largest products
    return Data(source, weights, convolve(source.astype(np.int32) - spec.zero, weights, spec))


def convolve(source: Array, weights: Array, spec: ImplicitGemm) -> Array:
    top, left, bottom, right = spec.pad
    padded = np.pad(source.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))
    (oh, ow), (sh, sw), (dh, dw) = spec.out_size, spec.stride, spec.dilation
    grouped = padded.reshape(*padded.shape[:3], spec.groups, spec.group_channels)
    kernels = weights.reshape(spec.groups, spec.group_outputs, *weights.shape[1:])
    out = np.zeros((len(source), oh, ow, spec.groups, spec.group_outputs))
    for r, s in np.ndindex(spec.kernel):
        rows = slice(r * dh, r * dh + (oh - 1) * sh + 1, sh)
        tap = grouped[:, rows, s * dw : s * dw + (ow - 1) * sw + 1 : sw]
        out += np.einsum("nhwgc,goc->nhwgo", tap, kernels[..., r, s].astype(np.float64))
    return out.reshape(*out.shape[:3], spec.out_channels)


class Run:
    """A compiled kernel with the memory layout that its spec asks for."""

    def __init__(
        self,
        plan: Plan,
        epilogue: Fused | None = None,
        prologue: Fused | None = None,
        extra: Sequence[Array] = (),
        target: Target = TARGET,
    ) -> None:
        self.plan, self.extra = plan, [tvm.runtime.tensor(e.reshape(-1)) for e in extra]
        with helpers_for(target) as helpers:
            func = prim_func(plan, epilogue, prologue, [e.size for e in extra])
        self.kernel = lower({"main": func}, target, helpers.text)["main"]

    def __call__(self, source: Array, weights: Array) -> Array:
        """Output [n,h,w,c]; what lies between its pixels must stay untouched."""
        spec, batch = self.plan.spec, len(source)
        gap = np.nan if spec.codes is None else 99
        memory = np.full((batch, *spec.size, spec.pixel_pitch), gap, source.dtype)
        memory[..., : spec.channels] = source
        if spec.input_strides is not None:
            memory = np.moveaxis(source, -1, 1)
        out = np.full((batch, *spec.out_size, spec.output_pitch), 7, spec.dtype)
        shape = (batch, -1) if spec.batch is None else (-1,)
        packed = self.plan.pack(weights)
        arrays = [np.ascontiguousarray(memory).reshape(shape), packed.reshape(-1)]
        result = tvm.runtime.tensor(out.reshape(shape))
        self.kernel(*map(tvm.runtime.tensor, arrays), *self.extra, result)
        out = result.numpy().reshape(out.shape)
        assert (out[..., spec.out_channels :] == 7).all(), "wrote between pixels"
        result_channels: Array = out[..., : spec.out_channels]
        return result_channels


@contextmanager
def threads(count: int) -> Iterator[None]:
    """TVM's pool can be made smaller than TVM_NUM_THREADS (see conftest.py), not larger."""
    set_threads(count)
    yield
    set_threads(2)


def relu(value: Expr, lanes: int) -> Expr:
    zero = tirx.const(0, "float32")
    return tirx.max(value, zero if lanes == 1 else tirx.Broadcast(zero, lanes))


def bias_add_relu(value: Expr, at: Position, extra: Sequence[Buffer]) -> Expr:
    """relu(value + bias[channel] + residual[pixel * 50 + channel])"""
    bias = extra[0].load(at.channel, at.lanes)
    residual = extra[1].load(at.pixel * 50 + at.channel, at.lanes)
    return relu(value + bias + residual, at.lanes)
