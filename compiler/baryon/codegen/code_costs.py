"""Whether a contraction gets faster by multiplying codes: seconds in float32 and in INT8.

By the cost model of kernels, with whichever algorithm is best for each: a convolution that
Winograd's algorithm computes in float32 may well be slower as a direct one of codes. Times are
means over the target's numbers of threads, per core; they are to be compared with each other, not
with a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import NamedTuple

from baryon.codegen.exact import exact
from baryon.codegen.kernels import algorithms
from baryon.codegen.kernels.contraction import convolution_spec, int_of
from baryon.codegen.kernels.quantized import FEW_BITS, MAX_DEPTH
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.targets import Target, get_target
from baryon.ir import CHANNELS_LAST, Op, TensorType, UnsupportedError, f32
from baryon.ops.nn_conv import CONVOLUTION

CLOCK = 3e9
"""Cycles per second that times are stated for."""
CONVERSION_CYCLES = 0.6
"""Per element that a kernel of its own quantizes or dequantizes."""
BYTES_PER_CYCLE = 8.0
"""What a core reads and writes where arithmetic is hidden: depthwise convolutions."""
EMULATED = 20.0
"""How many times longer real products take where the CPU has no fused multiply-add."""
TAP_CYCLES = 0.09
"""Per product of a depthwise convolution, in vectors of 32 bytes; codes alike."""


class Seconds(NamedTuple):
    """Of one run: in float32, and of codes. codes: None where no kernel multiplies codes."""

    real: float
    codes: float | None

    @property
    def speedup(self) -> float:
        """How many times faster codes are; 0 where they are not multiplied."""
        return self.real / self.codes if self.codes else 0.0


@dataclass(frozen=True)
class CodeCosts:
    """The model on one target, for modules that hold codes: real numbers are computed as in these.

    target: an exact one.
    """

    target: Target

    @staticmethod
    def on(target: str) -> CodeCosts:
        """The model of the target of that name."""
        return CodeCosts(exact(get_target(target)))

    def seconds(
        self, op: Op, sizes: Mapping[str, int] | None = None, *, signed: bool = False
    ) -> Seconds | None:
        """One run of an op of a float module; None for ops that are no contraction with filters.

        sizes: of symbols, 1 where it is silent. signed: whether codes of the data are i8.
        """
        try:
            spec = _spec(op, sizes or {})
        except UnsupportedError:
            return None
        if spec is None:
            return None
        if op.name == CONVOLUTION and spec.groups == spec.channels > 1:
            return self._depthwise(spec)
        codes = _with_codes(spec, self.target.for_codes.code_depths, "int8" if signed else "uint8")
        fits = spec.depth <= MAX_DEPTH
        slower = 1 if self.target.has_fma else EMULATED
        real = self._product(spec, self.target) * slower
        return Seconds(real, self._product(codes, self.target.for_codes) if fits else None)

    def refusal(self, op: Op, sizes: Mapping[str, int]) -> str | None:
        """Why a contraction had better compute in float32; None if codes are faster."""
        found = self.seconds(op, sizes)
        return None if found is None else self.reason(found)

    def reason(self, found: Seconds) -> str | None:
        """The same, of what is known of it."""
        if found.codes is None:
            return f"no kernel of {self.target.name} multiplies its codes"
        if found.speedup > 1:
            return None
        return (
            f"would not get faster on {self.target.name}: {1e3 * found.real:.3g} ms in float32, "
            f"{1e3 * found.codes:.3g} ms in int8"
        )

    def conversion(self, type: TensorType, sizes: Mapping[str, int] | None = None) -> float:
        """Quantizing or dequantizing a value in a kernel of its own."""
        return float(prod(_bound(type, sizes or {})) * CONVERSION_CYCLES / CLOCK)

    def _product(self, spec: ImplicitGemm, target: Target) -> float:
        macs = spec.macs * (spec.batch or 1)
        return float(macs / (2 * target.lanes(4)) / _efficiency(spec, target) / CLOCK)

    def _depthwise(self, spec: ImplicitGemm) -> Seconds:
        images = spec.batch or 1
        elements = images * spec.channels * (prod(spec.size) + spec.pixels)
        products = images * spec.macs * TAP_CYCLES * 8 / self.target.lanes(4)
        cycles = (max(products, size * elements / BYTES_PER_CYCLE) for size in (4, 1))
        real, codes = (c / CLOCK for c in cycles)
        return Seconds(real, codes)


@lru_cache(maxsize=1024)
def _efficiency(spec: ImplicitGemm, target: Target) -> float:
    """Of the best kernel, which takes long to find; networks repeat their layers."""
    return algorithms.choose(spec, target).efficiency


def _bound(type: TensorType, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return type.bound({name: sizes.get(name, 1) for name in _symbols(type)})


def _symbols(type: TensorType) -> list[str]:
    return [d.name for d in type.shape if not isinstance(d, int)]


def _spec(op: Op, sizes: Mapping[str, int]) -> ImplicitGemm | None:
    """The op as an implicit GEMM on channels-last data; None for another op."""
    if op.name not in (CONVOLUTION, "npx.fully_connected") or op.operands[0].type.dtype != f32:
        return None
    data, weight = op.operands[0].type, op.operands[1].type
    if op.name == CONVOLUTION:
        result = op.result.type.with_layout(CHANNELS_LAST)
        spec = convolution_spec(op, data.with_layout(CHANNELS_LAST), result)
        return replace(spec, batch=_bound(data, sizes)[0])
    outputs, depth = (int_of(d) for d in weight.shape)
    return ImplicitGemm(depth, outputs, batch=prod(_bound(data, sizes)) // depth)


def _with_codes(spec: ImplicitGemm, depths: int, codes: str) -> ImplicitGemm:
    source = "int16" if depths == 2 else "uint8"
    words = replace(spec, depths=depths, source=source, codes=codes)
    return replace(words, dtype="int32", sum_bits=FEW_BITS)
