"""Blocks of memory with lifetimes, placed in one arena."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, eq=False)
class Block:
    """`size` bytes that are in use from op number `first` to op number `last`, both included."""

    size: int
    first: int
    last: int

    def meets(self, other: Block) -> bool:
        """True when both are in use at once."""
        return self.first <= other.last and other.first <= self.last


def place(blocks: Iterable[Block]) -> dict[Block, int]:
    """An offset for each block: large ones first, each into the tightest gap that takes it."""
    offsets: dict[Block, int] = {}
    for block in sorted(blocks, key=lambda b: (-b.size, b.first, b.last)):
        others = sorted((offsets[b], offsets[b] + b.size) for b in offsets if b.meets(block))
        offsets[block] = _tightest(block.size, others)
    return offsets


def _tightest(size: int, taken: Sequence[tuple[int, int]]) -> int:
    """Start of the smallest gap of at least `size` between intervals, or behind them all."""
    best, start, end = -1, 0, 0
    for begin, stop in taken:
        gap = begin - end
        if gap >= size and (best < 0 or gap < best):
            best, start = gap, end
        end = max(end, stop)
    return end if best < 0 else start


def peak(blocks: Iterable[Block]) -> int:
    """The most bytes that are in use at once."""
    changes: Counter[int] = Counter()
    for block in blocks:
        changes[block.first] += block.size
        changes[block.last + 1] -= block.size
    return max(accumulate(changes[at] for at in sorted(changes)), default=0)
