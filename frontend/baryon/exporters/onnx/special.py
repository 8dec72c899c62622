"""The gamma function, its relatives and the inverse error function, which the standard has not.

They are computed in float64 by the series and polynomials of their meaning, with relative errors
below 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import f64
from baryon.ops.coefficients import ERFINV, INVERSE_SQUARES, STIRLING, TRIGAMMA

_FAR = 10
"""From here on the series for large numbers are good."""

Function = Callable[[Writer, Tensor], Any]
Step = Callable[[Tensor, Tensor], Any]


def _in_float64(name: str, function: Function) -> Form:
    def write(o: Writer, call: Call, x: Tensor) -> Tensor:
        return o.cast(function(o, o.cast(x, f64)), call.type.dtype)

    return Form(name, write)


def _polynomial(o: Writer, x: Tensor, coefficients: Sequence[float]) -> Any:
    """Horner's rule; the constant term comes first."""
    *rest, highest = coefficients
    total = o.np.add(o.np.zeros_like(x), highest)
    for c in reversed(rest):
        total = o.np.add(o.np.multiply(total, x), c)
    return total


def _raised(o: Writer, x: Tensor, start: float, step: Step) -> tuple[Any, Any]:
    """x, or 1 - x for x below 1/2, raised by ones until it is far, and what the steps made."""
    y = o.np.where(_is_low(o, x), o.np.subtract(1.0, x), x)
    total = o.np.add(o.np.zeros_like(y), start)
    for _ in range(_FAR):
        near = o.np.less(y, float(_FAR))
        total = o.np.where(near, step(total, y), total)
        y = o.np.where(near, o.np.add(y, 1.0), y)
    return y, total


def _is_low(o: Writer, x: Tensor) -> Any:
    return o.np.less(x, 0.5)


def _is_whole_below(o: Writer, x: Tensor) -> Any:
    """Negative whole numbers."""
    return o.np.logical_and(o.np.less(x, 0.0), o.np.equal(x, o.np.floor(x)))


def _turn(o: Writer, x: Tensor) -> Any:
    """pi times the distance to the nearest whole number."""
    return o.np.multiply(o.np.subtract(x, o.np.rint(x)), math.pi)


def _positive_gammaln(o: Writer, x: Tensor) -> Any:
    """log(gamma(y)), where y is x or, for x below 1/2, 1 - x: Stirling's series."""
    y, product = _raised(o, x, 1.0, o.np.multiply)
    z = o.np.reciprocal(o.np.square(y))
    series = o.np.divide(_polynomial(o, z, STIRLING), y)
    main = o.np.subtract(o.np.multiply(o.np.subtract(y, 0.5), o.np.log(y)), y)
    rest = o.np.subtract(o.np.add(series, math.log(2 * math.pi) / 2), o.np.log(product))
    return o.np.where(o.np.isinf(y), y, o.np.add(main, rest))


def _gammaln(o: Writer, x: Tensor) -> Any:
    value = _positive_gammaln(o, x)
    sine = o.np.abs(o.np.sin(_turn(o, x)))
    mirrored = o.np.subtract(o.np.log(o.np.divide(math.pi, sine)), value)
    found = o.np.where(_is_low(o, x), mirrored, value)
    return o.np.where(o.np.isinf(x), math.inf, found)


def _gamma(o: Writer, x: Tensor) -> Any:
    value = o.np.exp(_positive_gammaln(o, x))
    half = o.np.multiply(o.np.rint(x), 0.5)
    odd = o.np.not_equal(half, o.np.floor(half))
    sine = o.np.sin(_turn(o, x))
    sine = o.np.where(odd, o.np.negative(sine), sine)
    mirrored = o.np.divide(math.pi, o.np.multiply(sine, value))
    found = o.np.where(_is_low(o, x), mirrored, value)
    found = o.np.where(_is_whole_below(o, x), math.nan, found)
    return o.np.where(o.np.equal(x, 0.0), o.np.reciprocal(x), found)


def _digamma(o: Writer, x: Tensor) -> Any:
    y, total = _raised(o, x, 0.0, lambda t, y: o.np.subtract(t, o.np.reciprocal(y)))
    z = o.np.reciprocal(o.np.square(y))
    tail = o.np.add(o.np.divide(0.5, y), o.np.multiply(z, _polynomial(o, z, INVERSE_SQUARES)))
    value = o.np.subtract(o.np.add(total, o.np.log(y)), tail)
    turn = _turn(o, x)
    cotangent = o.np.divide(o.np.cos(turn), o.np.sin(turn))
    mirrored = o.np.subtract(value, o.np.multiply(cotangent, math.pi))
    found = o.np.where(_is_low(o, x), mirrored, value)
    found = o.np.where(_is_whole_below(o, x), math.nan, found)
    return o.np.where(o.np.equal(x, 0.0), o.np.divide(-1.0, x), found)


def _trigamma(o: Writer, x: Tensor) -> Any:
    y, total = _raised(o, x, 0.0, lambda t, y: o.np.add(t, o.np.reciprocal(o.np.square(y))))
    z = o.np.reciprocal(o.np.square(y))
    tail = o.np.add(
        o.np.multiply(z, 0.5), o.np.multiply(o.np.divide(z, y), _polynomial(o, z, TRIGAMMA))
    )
    value = o.np.add(o.np.add(total, o.np.reciprocal(y)), tail)
    sine = o.np.sin(_turn(o, x))
    mirrored = o.np.subtract(o.np.square(o.np.divide(math.pi, sine)), value)
    found = o.np.where(_is_low(o, x), mirrored, value)
    return o.np.where(_is_whole_below(o, x), math.inf, found)


def _erfinv(o: Writer, x: Tensor) -> Any:
    """Polynomials in log(1 - x^2), or, near 1, in its root."""
    w = o.np.negative(o.np.log(o.np.multiply(o.np.subtract(1.0, x), o.np.add(x, 1.0))))
    root = o.np.sqrt(w)
    factor, start = None, 0.0
    for piece in ERFINV:
        at = o.np.subtract(w if piece.of_square else root, piece.centre)
        value = _polynomial(o, at, piece.coefficients)
        beyond = o.np.greater_equal(w, start * start)
        factor = value if factor is None else o.np.where(beyond, value, factor)
        start = piece.end
    value = o.np.multiply(x, factor)
    return o.np.where(o.np.equal(o.np.abs(x), 1.0), o.np.multiply(x, math.inf), value)


OPS: tuple[Form | NoForm, ...] = (
    _in_float64("npx.erfinv", _erfinv),
    _in_float64("npx.gamma", _gamma),
    _in_float64("npx.gammaln", _gammaln),
    _in_float64("npx.digamma", _digamma),
    _in_float64("ir.trigamma", _trigamma),
)
