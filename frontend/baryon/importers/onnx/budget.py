"""What an import may compute at once, beyond what its file stores.

Shapes and weights fold while a model is read. A few bytes can ask for terabytes: ConstantOfShape,
Range, Tile or Expand, and ops on the result. Such a file is refused before memory is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from baryon.ir import Array, BaryonError, TensorType, UnsupportedError, dtype_of
from baryon.ops import OpDef

ELEMENTS = 1 << 29
"""In all. VGG-19 has 1.4e8 weights, which test files write as ConstantOfShape."""

_FREE = 1 << 12
"""Of one op: shapes and the like are not worth counting."""


class Budget:
    """Elements that may still be visited."""

    def __init__(self, elements: int = ELEMENTS) -> None:
        self.left = elements

    def spend(self, opdef: OpDef, arrays: Sequence[Array], attrs: Mapping[str, Any]) -> None:
        """Count an op on arrays that are known. Raises UnsupportedError where it is too much."""
        sizes = [x.size for x in arrays]
        try:
            types = [TensorType(x.shape, dtype_of(x.dtype)) for x in arrays]
            found = opdef.infer(*opdef.arrange(types), **opdef.normalize(attrs))
            results = (found,) if isinstance(found, TensorType) else found
            sizes += [t.numel() for t in results]
        except BaryonError:  # said better by who computes it
            pass
        self.take(max(sizes, default=0) - sum(map(stored, arrays)))

    def take(self, elements: int) -> None:
        """Count so many. Raises UnsupportedError where it is too much."""
        if elements > _FREE:
            self.left -= elements
        if self.left < 0:
            raise UnsupportedError(
                f"constants of more than {ELEMENTS} elements would be computed from a few",
                hint="check that the file is what it should be",
            )


def stored(x: Array) -> int:
    """Elements of an array in memory: axes along which it repeats itself do not count."""
    pairs = zip(x.shape, x.strides, strict=True)
    return math.prod(size for size, stride in pairs if stride)
