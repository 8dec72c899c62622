"""Functions on axes of size 0, on arrays without axes, in half precision and on small integers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy
import pytest

import baryon as mx
from baryon.deferred import Cached
from baryon.ir import IRTypeError
from baryon.np.names import ALIASES
from functions.case import Case, flat, plain
from functions.cases import CASES

COMPARED = [c for c in CASES if c.compared and c.shapes]
HALVES = {"float16": 2**-10, "bfloat16": 2**-7}
"""The half-precision types, and the distance from 1 to the number after it."""
SMALL = ("int8", "int16", "uint8", "uint16", "uint32", "uint64")

REFUSALS = ("of an operand of rank 0", "not defined", "must have channels")


def ids(case: Case) -> str:
    return case.id


def ours(case: Case, arrays: list[Any]) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, where it computes
        found = case.ours(*(mx.np.array(x, dtype=x.dtype) for x in arrays))
    return [plain(y) for y in flat(found)]


def numpys(case: Case, arrays: list[Any]) -> list[Any] | None:
    """NumPy's results; None where it refuses the arrays."""
    try:
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # means of nothing
            return [*map(plain, flat(case.numpy(*arrays)))]
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        return None


def edges(case: Case) -> Iterator[list[Any]]:
    """Arrays with one letter's axis empty, for each letter; then arrays without axes."""
    for letter in sorted(set("".join(case.shapes)) & set("abcdefghn")):
        for kind in case.kinds:
            yield case.draw(0, kind, fixed={letter: 0})
    if all(len(text.split()) == 2 and not set(text) & set("0123456789") for text in case.shapes):
        for kind in case.kinds:
            yield [numpy.asarray(x.reshape(-1)[0]) for x in case.draw(1, kind)]


@pytest.mark.parametrize("case", [c for c in COMPARED if c.edges], ids=ids)
def test_edges(case: Case) -> None:
    for arrays in edges(case):
        wanted = numpys(case, [x.copy() for x in arrays])
        if wanted is None:
            continue
        try:
            found = ours(case, arrays)
        except IRTypeError as error:  # NumPy takes axes 0 and -1 of arrays that have none
            assert any(text in str(error) for text in REFUSALS)
            continue
        assert [x.shape for x in found] == [x.shape for x in wanted]
        for x, y in zip(found, wanted, strict=True):
            numpy.testing.assert_allclose(x, y, 1e-4, 1e-5)


FLOATING = [c for c in COMPARED if c.halves and "f" in c.kinds and c.shapes]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("case", FLOATING, ids=ids)
def test_halves(case: Case, dtype: str) -> None:
    """Half precision gives what single precision gives for the same numbers, rounded."""
    type_ = numpy.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    rounded = [x.astype(type_) for x in case.draw(0, "f", "float32")]
    wanted = numpys(case, [x.astype("float32") for x in rounded])
    assert wanted is not None
    tolerance = 8 * HALVES[dtype]
    for x, y in zip(ours(case, rounded), wanted, strict=True):
        assert x.shape == y.shape
        assert x.dtype == type_ or not case.graded or y.dtype.kind != "f"
        if x.dtype == type_ or x.dtype.kind == "f":
            scale = float(numpy.abs(y[numpy.isfinite(y)]).max(initial=1.0))
            numpy.testing.assert_allclose(
                x.astype("float64"), y.astype("float64"), tolerance, tolerance * scale
            )


@pytest.mark.parametrize("case", [c for c in COMPARED if "i" in c.kinds], ids=ids)
def test_small_integers(case: Case) -> None:
    """Numbers that fit all types give what they give in int64."""
    for dtype in SMALL:
        drawn = [x % 120 if dtype.startswith("u") else x for x in case.draw(0, "i", "int64")]
        wanted = numpys(case, [x.copy() for x in drawn])
        if wanted is None or any((abs(y) > 120).any() for y in wanted if y.dtype.kind == "i"):
            continue
        typed = [x.astype(dtype) for x in drawn]
        if numpys(case, [x.copy() for x in typed]) is None:
            continue
        found = ours(case, typed)
        for x, y in zip(found, wanted, strict=True):
            assert x.shape == y.shape
            if not (dtype.startswith("u") and (y < 0).any()):
                numpy.testing.assert_allclose(x, y, 1e-3)


TOGETHER = {
    c.name: c for c in COMPARED
    if c.compiled and c.edges and c.halves and "f" in c.kinds
    and c.shapes in (("a b",), ("a b", "a b")) and c.name.removeprefix("np.") not in ALIASES
}  # fmt: skip
"""One case of each function of arrays of one shape."""


@pytest.mark.parametrize(("dtype", "sizes"), [
    ("float16", {"a": 3, "b": 5}), ("bfloat16", {"a": 2, "b": 9}), ("float32", {"a": 0, "b": 3}),
    ("float64", {"a": 2, "b": 0}),
])  # fmt: skip
@pytest.mark.parametrize("part", range(4))
def test_compiled(part: int, dtype: str, sizes: dict[str, int]) -> None:
    """Many functions in one program, in half precision and on axes of size 0."""
    type_ = numpy.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    cases = [c for c in TOGETHER.values() if takes(c, sizes)][part::4]
    drawn = [[x.astype(type_) for x in c.draw(0, "f", "float32", sizes)] for c in cases]
    arrays = [mx.np.array(x, dtype=x.dtype) for xs in drawn for x in xs]

    def program(*given: Any) -> list[Any]:
        rest = iter(given)
        return [flat(c.ours(*(next(rest) for _ in c.shapes))) for c in cases]

    found, wanted = flat(Cached(program, list)(*arrays)), flat(program(*arrays))
    assert len(found) == len(wanted)
    for x, y in zip(map(plain, found), map(plain, wanted), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        tolerance = 4 * HALVES.get(dtype, 1e-6)
        numpy.testing.assert_allclose(
            x.astype("float64"), y.astype("float64"), tolerance, tolerance
        )


def takes(case: Case, sizes: dict[str, int]) -> bool:
    """Whether NumPy and we compute the case on these sizes."""
    arrays = case.draw(0, "f", "float32", sizes)
    if numpys(case, arrays) is None:
        return False
    try:
        ours(case, arrays)
    except IRTypeError as error:
        assert any(text in str(error) for text in REFUSALS)
        return False
    return True
