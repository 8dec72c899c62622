"""Contractions of quantized factors: which codes are multiplied, and what their sums mean.

An anchor whose factors are both dequantized sums products of codes, which are whole numbers. With
one scale for the data and one for the filters of each output,

    sum over d of sx (x[d] - zx) * sw[o] w[d, o]  =  (sums of codes - zx colsum[o]) * (sx sw[o])

where the second term of the difference falls away if the zero point is subtracted before codes are
multiplied. What follows is in `requantize.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from baryon.codegen.expr import tvm_name
from baryon.codegen.group import Group
from baryon.codegen.kernels.spec import SUM_BITS, ImplicitGemm
from baryon.ir import Array, Quant, Value, i8, u8
from baryon.ops import TABLE
from baryon.ops.quantize import DEQUANTIZE, dequantized

MAX_PRODUCT = 255 * 128
"""Magnitude of a product of two codes without their zero points."""
MAX_DEPTH = 2**31 // MAX_PRODUCT
"""Products of codes whose sum fits into 32 bits, whatever they are."""
FEW_BITS = 25
"""Bits of sums, beside the sign, of nearly all trained filters."""


@dataclass(frozen=True)
class Codes:
    """A value of codes and what they mean."""

    value: Value
    quant: Quant

    @staticmethod
    def of(value: Value) -> Codes | None:
        """What `ir.dequantize` makes a value of; None for any other value."""
        op = value.op
        if op is None or op.name != DEQUANTIZE:
            return None
        attrs = TABLE[op.name].normalize(op.attrs)
        quant = Quant.of(attrs["scale"], attrs["zero"], attrs["axis"])  # type: ignore[arg-type]
        return Codes(op.operands[0], quant)

    @property
    def name(self) -> str:
        """The element type, in TVM's words."""
        return tvm_name(self.value.type.dtype)

    def real(self, array: Array) -> Array:
        """What an array of such codes means, in float32."""
        return dequantized(array, self.quant)


@dataclass(frozen=True)
class QuantizedFactors:
    """Both factors of a contraction; the filters are constants, outputs along their axis 0."""

    data: Codes
    weight: Codes

    @staticmethod
    def of(group: Group) -> QuantizedFactors | None:
        """Those of a group's anchor; None where it has to multiply real numbers."""
        operands = group.main.operands
        data, weight = Codes.of(operands[0]), Codes.of(operands[1])
        if data is None or weight is None or group.payload(weight.value) is None:
            return None
        found = QuantizedFactors(data, weight)
        return found if found._are_summed else None

    @property
    def _are_summed(self) -> bool:
        """Whether filters fit into signed bytes without their zero point, and sums into 32 bits."""
        outputs, *taps = self.weight.value.type.static_shape
        by_output = self.weight.quant.axis in (None, 0)
        middle = {i8: (0,), u8: (128,)}.get(self.weight.value.type.dtype)
        symmetric = self.weight.quant.zero == middle
        return by_output and symmetric and self.data.quant.axis is None and (
            int(np.prod(taps)) <= MAX_DEPTH and outputs > 0
        )  # fmt: skip

    def sum_bits(self, group: Group) -> int:
        """Bits of all sums beside the sign: those that every output of these filters needs, in two
        classes, lest kernels of equal layers differ."""
        payload = group.payload(self.weight.value)
        assert payload is not None
        weights = self.signed(payload).reshape(len(payload), -1)
        if weights.shape[1] * MAX_PRODUCT < 1 << FEW_BITS:
            return FEW_BITS  # whatever they are
        positive = np.maximum(weights, 0).sum(1, np.int32)
        above, below = positive.max(), (positive - weights.sum(1, np.int32)).max()
        ends, zero = self.data.value.type.dtype.limits, self.data.quant.zero[0]
        low, high = (abs(end - zero) for end in ends)
        most = max(above * high + below * low, above * low + below * high)
        return FEW_BITS if int(most) < 1 << FEW_BITS else SUM_BITS

    def signed(self, weight: Array) -> Array:
        """Filters as signed bytes around 0."""
        if weight.dtype == np.int8:
            return weight
        result: Array = (weight.astype(np.int16) - self.weight.quant.zero[0]).astype(np.int8)
        return result

    @cached_property
    def scales(self) -> Array:
        """What a step of the sums means, for each output."""
        scale = np.asarray(self.weight.quant.scale, np.float32) * np.float32(
            self.data.quant.scale[0]
        )
        result: Array = np.broadcast_to(scale, self.weight.value.type.static_shape[:1])
        return result

    def offsets(self, weight: Array, spec: ImplicitGemm) -> Array | None:
        """What the sums of a spec hold too much, by output; None for nothing.

        Pairs lose their zero point before they are multiplied, words of four do not.
        """
        if spec.depths == 2 or spec.zero_code == 0:
            return None
        sums = self.signed(weight).reshape(weight.shape[0], -1).sum(axis=1, dtype=np.int64)
        result: Array = (sums * spec.zero_code).astype(np.int32)
        return result


def filters_of(group: Group) -> Value:
    """The region argument with the filters of a group's anchor, which may be codes."""
    operand = group.main.operands[1]
    codes = Codes.of(operand)
    return codes.value if codes else group.source(operand)
