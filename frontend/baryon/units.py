"""Sizes, counts and shapes as people read them."""

from __future__ import annotations


def format_bytes(count: float) -> str:
    """Such as `97.5 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


def format_count(count: float) -> str:
    """Such as `4.1 G`, in steps of a thousand."""
    for unit in ("", " k", " M"):
        if count < 1000:
            return f"{count:.0f}" if not unit else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.2f} G"


def plural(count: int, noun: str) -> str:
    """Such as `1 kernel` and `2 kernels`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_shape(type: str) -> str:
    """The text of a tensor's type: `f32[1,64]{channels_last}` as `1x64`, `i8[4]` as `i8:4`."""
    dtype, _, dims = type.partition("]")[0].partition("[")
    size = dims.replace(",", "x") or "1"
    return size if dtype == "f32" else f"{dtype}:{size}"
