"""A call of a function of `np` or `npx`, written once and checked in four ways.

Shapes are written with letters, `"a b"` and `"b c"`, whose sizes are drawn, so that one case stands
for many shapes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

import baryon as mx
from baryon.np import ndarray

SIZES = (1, 2, 3, 4, 5, 7)
KINDS: Mapping[str, tuple[str, ...]] = {
    "f": ("float32", "float64"),
    "i": ("int32", "int64"),
    "b": ("bool",),
}

NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True)
class Case:
    """name: dotted, such as `np.sum`. shapes: one per array, such as "a b 3".

    keywords: further arguments. call: how to call it, `call(module, *arrays)`, where the module is
        `mx.np` (`mx.npx`) or NumPy; by default the function on the arrays with the keywords.
    low, high: the range of the elements. kinds: of the element types, keys of `KINDS`.
    reference: the NumPy way to say the same, `reference(*arrays)`, where NumPy's function differs
        or is missing. graded, compiled, compared: what does not hold for this case.
    least: the smallest size of a letter. halves, edges: that the function takes float16 and
        bfloat16; that it means NumPy's also for axes of size 0 and for none.
    """

    name: str
    shapes: tuple[str, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    call: Callable[..., Any] | None = None
    low: float = -2.0
    high: float = 2.0
    kinds: str = "f"
    reference: Callable[..., Any] | None = None
    graded: bool = True
    compiled: bool = True
    compared: bool = True
    least: int = 1
    rtol: float = 1e-5
    halves: bool = True
    edges: bool = True

    @property
    def id(self) -> str:
        """For pytest: the name, and a number that tells cases of a name apart."""
        text = f"{self.shapes}{sorted(self.keywords.items(), key=str)}{self.kinds}"
        return f"{self.name}-{zlib.crc32(text.encode()) % 1000}"

    def draw(
        self, seed: int, kind: str, dtype: str | None = None, fixed: Mapping[str, int] = NOTHING
    ) -> list[Any]:
        """NumPy arrays of drawn shapes; `fixed`: sizes of letters that are not drawn."""
        rng = numpy.random.default_rng((seed, zlib.crc32(self.id.encode())))
        sizes = [s for s in SIZES if s >= self.least]
        letters = {c: int(rng.choice(sizes)) for c in "abcdefghn"} | dict(fixed)
        type_ = dtype or str(rng.choice(KINDS[kind]))
        shapes = [
            [letters[d] if d in letters else int(d) for d in text.split()] for text in self.shapes
        ]
        return [self._elements(rng, shape, kind).astype(type_) for shape in shapes]

    def _elements(self, rng: Any, shape: Sequence[int], kind: str) -> Any:
        if (
            kind == "f"
        ):  # apart from each other and from whole numbers, where functions have corners
            return rng.uniform(self.low, self.high, shape)
        if kind == "b":
            return rng.integers(0, 2, shape)
        return rng.integers(int(self.low), int(self.high) + 1, shape)

    def ours(self, *arrays: Any) -> Any:
        """The result on arrays of ours."""
        return self._run(mx, *arrays)

    def numpy(self, *arrays: Any) -> Any:
        """NumPy's result."""
        if self.reference is not None:
            return self.reference(*arrays)
        return self._run(_NumPy, *arrays)

    def _run(self, root: Any, *arrays: Any) -> Any:
        path, _, name = self.name.rpartition(".")
        module = root
        for part in path.split("."):
            module = getattr(module, part)
        if self.call is not None:
            return self.call(module, *arrays)
        return getattr(module, name)(*arrays, **self.keywords)


class _NumPy:
    np = numpy


def flat(result: Any) -> list[Any]:
    """The arrays of a result, in order."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in flat(part)]
    return [result]


def plain(x: Any) -> Any:
    """A NumPy array."""
    return x.asnumpy() if isinstance(x, ndarray) else numpy.asarray(x)
