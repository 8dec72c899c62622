"""Functions in LLVM's language, for instructions that TVM has no name for.

A kernel that is built inside `helpers_for` may `call` them; their text is compiled with the kernel
and inlined. Elsewhere `available` is false of every feature, and kernels use arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx

Expr = Any
"""A tirx.PrimExpr; tvm ships no types."""


_FUNCTION = re.compile(r"^define .*?^}$|^declare .*?$", re.MULTILINE | re.DOTALL)


@dataclass
class Helpers:
    """What the kernel under construction may use, and the text of what it does use, by name."""

    target: Target
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of them as one LLVM module."""
        return merged(self.texts.values())


def merged(texts: Iterable[str]) -> str:
    """LLVM functions of several texts as one, which defines and declares each of them once."""
    parts = (part for text in texts for part in _FUNCTION.findall(text))
    return "\n".join(dict.fromkeys(parts))


_CURRENT: ContextVar[Helpers | None] = ContextVar("helpers", default=None)


@contextmanager
def helpers_for(target: Target) -> Iterator[Helpers]:
    """Build a kernel in here; afterwards `text` is what it needs."""
    helpers = Helpers(target)
    token = _CURRENT.set(helpers)
    try:
        yield helpers
    finally:
        _CURRENT.reset(token)


def available(feature: str) -> bool:
    """Whether the kernel under construction may use an instruction set by a helper."""
    helpers = _CURRENT.get()
    return helpers is not None and helpers.target.has(feature)


def has_fma() -> bool:
    """Whether the kernel under construction may fuse a product and a sum in one instruction."""
    helpers = _CURRENT.get()
    return helpers is not None and helpers.target.has_fma


def is_exact() -> bool:
    """Whether the kernel under construction promises the same bits on every CPU."""
    helpers = _CURRENT.get()
    return helpers is not None and helpers.target.whole is not None


def call(name: str, text: str, dtype: str, *operands: Expr) -> Expr:
    """A call of the helper `name`, which `text` defines; dtype: of the result, in TVM's words."""
    helpers = _CURRENT.get()
    assert helpers is not None, f"{name} is called in no kernel that could hold it"
    helpers.texts[name] = text
    return tirx.call_pure_extern(dtype, name, *operands)


_OPAQUE = """
define internal i64 @baryon_opaque(i64 %x) alwaysinline {
  %y = call i64 asm "", "=r,0"(i64 %x)
  ret i64 %y
}
"""


def opaque(value: Expr) -> Expr:
    """The same int64, as one that LLVM knows nothing of: what is loaded from there is loaded
    again, where it would keep what it has loaded before in more registers than there are."""
    return call("baryon_opaque", _OPAQUE, "int64", value)
