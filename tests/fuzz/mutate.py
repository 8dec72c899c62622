"""Changes of bytes, all of them decided by a `random.Random`."""

from __future__ import annotations

import random
from collections.abc import Sequence

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(
    data: bytes, others: Sequence[bytes], words: Sequence[bytes], r: random.Random
) -> bytes:
    """A copy with one to four changes. others: to take pieces from; words: that mean something."""
    new = bytearray(data)
    for _ in range(1 + r.randrange(4)):
        at = r.randrange(len(new) + 1)
        end = min(len(new), at + 1 + r.randrange(1 + r.randrange(16)))
        match r.randrange(8):
            case 0:
                del new[at:end]
            case 1:
                new[at:at] = new[at:end] * (1 + r.randrange(3))
            case 2:
                new[at:end] = r.choice(words)
            case 3:
                new[at:at] = r.choice(words)
            case 4:
                other = r.choice(others)
                start = r.randrange(len(other) + 1)
                new[at:end] = other[start : start + 1 + r.randrange(32)]
            case 5 if at < len(new):
                new[at] = r.choice(_NUMBERS)
            case 6 if at < len(new):
                new[at] ^= 1 << r.randrange(8)
            case _:
                del new[at if r.randrange(8) == 0 else len(new) :]
    return bytes(new)
