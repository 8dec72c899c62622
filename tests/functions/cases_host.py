"""Creation without arrays, index helpers, sets, polynomials, and what else the host computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from functions.case import Case


def made(name: str, *arguments: Any, **keywords: Any) -> Case:
    """A function of numbers alone, which makes an array."""
    return Case(
        f"np.{name}", (), {"of": arguments, **keywords}, graded=False, compiled=False,
        kinds="f", call=lambda m: getattr(m, name)(*arguments, **keywords), rtol=1e-6,
    )  # fmt: skip


def host(name: str, *shapes: str, call: Callable[..., Any] | None = None, **more: Any) -> Case:
    """Computed eagerly, without a gradient."""
    return Case(f"np.{name}", shapes, call=call, graded=False, compiled=False, **more)


CREATION = [
    made("zeros", (2, 0, 3)), made("zeros", ()), made("zeros", 4, dtype="int8"),
    made("ones", (3, 2)), made("ones", (), dtype="float16"), made("full", (2, 3), 7),
    made("full", (), 2.5), made("full", 3, True),
    made("identity", 3), made("identity", 0), made("eye", 3, 4, 1), made("eye", 2, k=-1),
    made("eye", 0, 3), made("arange", 0, 5, 2, dtype="int32"), made("arange", 4.0),
    made("arange", 1.0, 2.0, 0.25), made("arange", 3, 1, dtype="float32"),
    made("linspace", 0.0, 1.0, 7), made("linspace", 2.0, -1.0, 4, endpoint=False),
    made("linspace", 0.0, 1.0, 0), made("logspace", 0.0, 2.0, 5), made("logspace", 0, 3, 4, base=2),
    made("tri", 3), made("tri", 3, 5, 1), made("tri", 2, 4, -1), made("indices", (2, 3)),
    made("indices", (0, 2)),
    *(made(name, size) for name in ("hanning", "hamming", "blackman") for size in (0, 1, 2, 9)),
    made("tril_indices", 4), made("tril_indices", 3, -1, 5), made("triu_indices", 4, 1),
    made("array", [[1.0, 2.0], [3.0, 4.0]]), made("array", 3, dtype="int64"),
    made("array", [], dtype="float32"), made("asarray", [True, False], dtype="bool"),
    Case("np.empty", (), graded=False, compiled=False, call=lambda m: m.empty((2, 0)).shape),
    host("empty_like", "a b", call=lambda m, x: m.empty_like(x).shape),
    host("asarray", "a b", kinds="fib"), host("array", "a b", kinds="fib",
                                              call=lambda m, x: m.array(x, dtype=x.dtype)),
    host("from_dlpack", "a b", kinds="fi", reference=lambda x: x, halves=False),
]  # fmt: skip
INDICES = [
    host("triu_indices_from", "a b"), host("tril_indices_from", "a b"),
    host("diag_indices_from", "a a"),
    host("ix_", "a", "b", kinds="ib"), host("lexsort", "a", "a", kinds="fi",
                                            call=lambda m, x, y: m.lexsort((x, y))),
    host("argpartition", "a 5", call=lambda m, x: m.take_along_axis(
        x, m.argpartition(x, 2, axis=1), 1)[:, 2]),
    host("searchsorted", "a", "b c", kinds="fi",
         call=lambda m, x, y: m.searchsorted(m.sort(x), y, side="right")),
    host("digitize", "a b", "c", kinds="f", call=lambda m, x, y: m.digitize(x, m.sort(y))),
    host("extract", "a b", "a b", kinds="fi", call=lambda m, x, y: m.extract(x > y, y)),
    host("choose", "a b", "a b", kinds="i", low=0, high=1,
         call=lambda m, x, y: m.choose(x, [y, y * 10])),
    host("compress", "a b", kinds="fi", call=lambda m, x: m.compress(x[:, 0] > 0, x, axis=0)),
    host("select", "a b", "a b", kinds="fi",
         call=lambda m, x, y: m.select([x > 1, x < y], [x, y], 7)),
    host("piecewise", "a b",
         call=lambda m, x: m.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v * 2])),
    host("where", "a b", kinds="fib", call=lambda m, x: m.where(x)),
    host("fill_diagonal", "a b", call=lambda m, x: (m.fill_diagonal(x, 5), x)[1]),
    host("fill_diagonal", "6 2", call=lambda m, x: (m.fill_diagonal(x, 5, wrap=True), x)[1]),
]  # fmt: skip
SETS = [
    host("unique_values", "a b", kinds="i", reference=numpy.unique),
    host("unique_inverse", "a b", kinds="i"),
    host("unique_all", "a b", kinds="i"),
    host("unique", "a", kinds="fi", call=lambda m, x: m.unique(x, True, True, True)),
    host("unique", "a b", kinds="i", low=0, high=1, call=lambda m, x: m.unique(x, axis=0)),
]  # fmt: skip
BITS = [
    host("unpackbits", "a", kinds="i", low=0, high=255,
         call=lambda m, x: m.unpackbits(x.astype("uint8"))),
    host("alltrue", "a b", kinds="b", reference=numpy.all),
]  # fmt: skip
FOLDS = [
    host("histogram2d", "a", "a", call=lambda m, x, y: m.histogram2d(x, y, bins=3)),
    host("histogramdd", "a 2", call=lambda m, x: m.histogramdd(x, bins=3)),
    host("apply_along_axis", "a b", call=lambda m, x: m.apply_along_axis(lambda v: v * 2, 1, x)),
    host("apply_over_axes", "a b", call=lambda m, x: m.apply_over_axes(m.sum, x, [0, 1])),
]  # fmt: skip
POLYNOMIALS = [
    host("poly", "a", rtol=1e-4), host("polyadd", "a", "b"), host("polysub", "a", "b"),
    host("polymul", "a", "b", rtol=1e-4), host("polydiv", "5", "2", low=1, rtol=1e-4,
                                           halves=False),
    host("polyint", "a"), host("polyfit", "5", "5", rtol=1e-3, halves=False,
                               call=lambda m, x, y: m.polyfit(m.cumsum(x * x + 1), y, 1)),
    host("roots", "3", call=lambda m, x: m.roots(m.array([1.0, -3.0, 2.0]) + 0 * x), rtol=1e-4),
    host("vander", "a", kinds="fi", halves=False,
         call=lambda m, x: m.vander(x, 3, increasing=True)),
]  # fmt: skip
MEMORY = [
    host("shares_memory", "a b", call=lambda m, x: m.shares_memory(x, x[:1])),
    host("may_share_memory", "a b", call=lambda m, x: m.may_share_memory(x, x + 1)),
    host("result_type", "a b", "c", kinds="fi", call=lambda m, x, y: m.ones(
        2, m.result_type(x, y))),
    host("promote_types", "a", kinds="fi",
         call=lambda m, x: m.ones(1, m.promote_types(x.dtype, "float64"))),
    host("min_scalar_type", "a", call=lambda m, x: m.ones(1, m.min_scalar_type(300))),
    host("can_cast", "a", kinds="fi", call=lambda m, x: m.can_cast(x.dtype, "float64")),
    host("finfo", "a", call=lambda m, x: m.finfo(x.dtype).eps),
    host("iinfo", "a", kinds="i", call=lambda m, x: m.iinfo(x.dtype).max),
]  # fmt: skip

CASES = (*CREATION, *INDICES, *SETS, *BITS, *FOLDS, *POLYNOMIALS, *MEMORY)
