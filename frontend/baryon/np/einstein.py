"""Einstein summation, lowered to transposes, reshapes, matrix products, products and sums.

So it has gradients, and compiled graphs use the kernels of matrix products. Operands are contracted
two at a time, in the order that `numpy.einsum_path` finds if `optimize` is asked for.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored
from baryon.ir import Dim, IRTypeError, dim_prod
from baryon.np.arguments import common, operand
from baryon.np.products import diagonal

_np = Ops("np")


@dataclass(frozen=True)
class Term:
    """An array whose axes have labels, no two the same."""

    labels: tuple[str, ...]
    array: ndarray

    def size(self, label: str) -> Dim:
        """The size of the axis with this label."""
        return self.array.shape[self.labels.index(label)]

    def sizes(self, labels: Iterable[str]) -> tuple[Dim, ...]:
        """The sizes of several axes."""
        return tuple(self.size(label) for label in labels)

    def ordered(self, labels: Sequence[str]) -> ndarray:
        """The array with its axes in another order."""
        order = tuple(self.labels.index(label) for label in labels)
        return self.array if order == tuple(range(len(order))) else _np.transpose(self.array, order)

    def summed(self, labels: Iterable[str]) -> Term:
        """The sums over some axes; whole numbers keep their dtype."""
        gone = set(labels)
        if not gone:
            return self
        axes = tuple(i for i, label in enumerate(self.labels) if label in gone)
        kept = tuple(label for label in self.labels if label not in gone)
        return Term(kept, _np.sum(self.array, axes, self.array.dtype))


def einsum(*operands: Any, out: ndarray | None = None, optimize: Any = False) -> ndarray:
    """Sums of products by Einstein's convention: `einsum("ij,jk->ik", a, b)`.

    Subscripts may hold an ellipsis; without "->" the labels that occur once come out in alphabetic
    order. Operands may also be (array, labels as numbers, ..., labels of the result).
    optimize: contract in the order that costs least, instead of from left to right.
    Raises IRTypeError where subscripts and shapes disagree.
    """
    text, arrays = _parsed(operands)
    inputs, output = _labels(text, arrays)
    terms = [_single(labels, x) for labels, x in zip(inputs, common(*arrays), strict=True)]
    terms = _broadcast(terms)
    for pair in _path(text, arrays, optimize):
        chosen = [terms.pop(i) for i in sorted(pair, reverse=True)][::-1]
        needed = {*output, *(label for term in terms for label in term.labels)}
        terms.append(_contract(chosen, needed))
    return stored(terms[0].ordered(output), out)


def _parsed(operands: Sequence[Any]) -> tuple[str, list[ndarray]]:
    """Subscripts as text, without spaces, and the arrays."""
    if not operands:
        raise IRTypeError("np.einsum needs subscripts and operands")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), [operand(x) for x in operands[1:]]
    given = list(operands)
    result = "->" + _text(given.pop()) if len(given) % 2 else ""
    return ",".join(map(_text, given[1::2])) + result, [operand(x) for x in given[::2]]


def _text(labels: Sequence[Any]) -> str:
    return "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in labels)


def _labels(text: str, arrays: Sequence[ndarray]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """One label for each axis of each operand, and those of the result; "-1" ends an ellipsis."""
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise IRTypeError(f"np.einsum: {text!r} is for {len(inputs)} operands, not {len(arrays)}")
    spread = [_spread(part, x.ndim, text) for part, x in zip(inputs, arrays, strict=True)]
    extra = [label for labels in spread for label in labels if label.startswith("-")]
    dots = sorted(set(extra), key=int)
    if arrow:
        return spread, _result(right, dots, spread, text)
    counts = Counter(c for part in inputs for c in part if c != ".")
    return spread, (*dots, *sorted(c for c, n in counts.items() if n == 1))


def _spread(part: str, rank: int, text: str) -> tuple[str, ...]:
    before, dots, after = part.partition("...")
    named = before + after
    count = rank - len(named)
    fits = count >= 0 if dots else count == 0
    if not fits or not all(c in string.ascii_letters for c in named):
        raise IRTypeError(f"np.einsum: {part!r} in {text!r} does not fit an operand of rank {rank}")
    return (*before, *(str(i) for i in range(-count, 0)), *after)


def _result(
    right: str, dots: Sequence[str], inputs: Sequence[Sequence[str]], text: str
) -> tuple[str, ...]:
    before, ellipsis, after = right.partition("...")
    labels = (*before, *(dots if ellipsis else ()), *after)
    known = {label for part in inputs for label in part}
    if len(set(labels)) < len(labels) or not known.issuperset(labels) or (dots and not ellipsis):
        raise IRTypeError(
            f"np.einsum: the result of {text!r} must name labels of operands, each once",
            hint="write ... in the result if it is in the operands",
        )
    return labels


def _single(labels: tuple[str, ...], x: ndarray) -> Term:
    """An operand with the diagonals taken where a label is repeated."""
    while repeated := next((c for c, n in Counter(labels).items() if n > 1), None):
        first = labels.index(repeated)
        second = labels.index(repeated, first + 1)
        if x.shape[first] != x.shape[second]:
            raise IRTypeError(
                f"np.einsum: the label {repeated} stands for axes of {x.shape[first]} and "
                f"{x.shape[second]} elements"
            )
        x = diagonal(x, 0, first, second)
        rest = [c for i, c in enumerate(labels) if i not in (first, second)]
        labels = (*rest, repeated)
    return Term(labels, x)


def _broadcast(terms: list[Term]) -> list[Term]:
    """The terms without axes of size 1 whose label has another size elsewhere."""
    sizes: dict[str, Dim] = {}
    for label, size in ((c, t.size(c)) for t in terms for c in t.labels):
        known = sizes.get(label, 1)
        if 1 not in (known, size) and known != size:
            raise IRTypeError(f"np.einsum: the label {label} has the sizes {known} and {size}")
        sizes[label] = size if known == 1 else known
    return [t.summed(c for c in t.labels if t.size(c) == 1 != sizes[c]) for t in terms]


def _path(text: str, arrays: Sequence[ndarray], optimize: Any) -> list[tuple[int, ...]]:
    """Which terms to contract, step by step; results go to the end."""
    static = all(isinstance(d, int) for x in arrays for d in x.shape)
    if len(arrays) < 2:
        return [(0,)]
    if optimize and static:
        stand_ins = [numpy.broadcast_to(numpy.float32(0), x.shape) for x in arrays]  # type: ignore[arg-type]
        how = "greedy" if optimize is True else optimize
        return [tuple(p) for p in numpy.einsum_path(text, *stand_ins, optimize=how)[0][1:]]
    return [(0, 1), *((0, count - 1) for count in range(len(arrays) - 1, 1, -1))]


def _contract(terms: Sequence[Term], needed: set[str]) -> Term:
    """The product of terms, summed over the labels that nobody needs any more."""
    result = terms[0].summed(_lonely(terms[0], terms[1:], needed))
    for i, term in enumerate(terms[1:], 1):
        rest = {*needed, *(c for t in terms[i + 1 :] for c in t.labels)}
        result = _product(result, term.summed(_lonely(term, [result], rest)), rest)
    return result


def _lonely(term: Term, others: Sequence[Term], needed: set[str]) -> list[str]:
    """Labels of a term that neither others nor the result have."""
    taken = needed.union(*(t.labels for t in others))
    return [c for c in term.labels if c not in taken]


def _product(a: Term, b: Term, needed: set[str]) -> Term:
    shared = [c for c in a.labels if c in b.labels]
    batch = [c for c in shared if c in needed]
    fold = [c for c in shared if c not in needed]
    left = [c for c in a.labels if c not in shared]
    right = [c for c in b.labels if c not in shared]
    if not fold:
        labels = (*batch, *left, *right)
        return Term(labels, _np.multiply(_aligned(a, labels), _aligned(b, labels)))
    outer, inner = a.sizes(batch), dim_prod(a.sizes(fold))
    rows, columns = a.sizes(left), b.sizes(right)
    first = a.ordered([*batch, *left, *fold]).reshape(*outer, dim_prod(rows), inner)
    second = b.ordered([*batch, *fold, *right]).reshape(*outer, inner, dim_prod(columns))
    product = _np.matmul(first, second).reshape(*outer, *rows, *columns)
    return Term((*batch, *left, *right), product)


def _aligned(term: Term, labels: Sequence[str]) -> ndarray:
    """The array with axes of size 1 for labels that it lacks, ready to broadcast."""
    own = [c for c in labels if c in term.labels]
    missing = tuple(i for i, c in enumerate(labels) if c not in term.labels)
    x = term.ordered(own)
    return _np.expand_dims(x, missing) if missing else x


PUBLIC: tuple[Callable[..., Any], ...] = (einsum,)
