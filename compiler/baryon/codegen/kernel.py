"""What a kernel family returns, and the pieces of TIR that all families share.

A kernel's parameters are flat buffers: one row of memory for a static value, `N` rows for one with
the symbolic outer dimension `factor*N` (see `baryon.ir.memory.rows`). Elements are addressed by their
flat offset, computed from the strides of the value's type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from baryon.codegen.expr import Expr, splat
from baryon.ir import Array, Dim, Sym, TensorType
from baryon.ir.memory import rows


@dataclass(frozen=True)
class Pack:
    """A constant operand that the kernel wants in another form, made at compile time."""

    operand: int
    transform: Callable[[Array], Array]


@dataclass(frozen=True)
class Kernel:
    """A kernel before compilation.

    func: a tirx.PrimFunc. args: where its buffer parameters come from: ("operand", i), ("result", i), or
    a Pack of operand i. flops, bytes: what it computes and moves per run at the symbols' maximum.
    """

    func: Any
    args: tuple[tuple[str, int] | Pack, ...]
    flops: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)


class Symbols:
    """TIR variables of the symbolic dimensions of one kernel."""

    def __init__(self) -> None:
        self._vars: dict[str, Any] = {}

    def var(self, name: str) -> Any:
        """The variable of a symbol, the same for every buffer."""
        if name not in self._vars:
            self._vars[name] = tirx.Var(name, "int64")
        return self._vars[name]

    def dim(self, dim: Dim) -> Any:
        """A dimension as an int or an expression."""
        return self.var(dim.name) * dim.factor if isinstance(dim, Sym) else dim


def tvm_dtype(type: TensorType) -> str:
    """TVM's name of an element type."""
    return {"bf16": "bfloat16"}.get(type.dtype.name) or type.dtype.numpy.name


class Memory:
    """A buffer parameter, addressed by flat element offsets."""

    def __init__(self, name: str, type: TensorType, symbols: Symbols) -> None:
        symbol, per_row = rows(type)
        self.type, self.dtype, self.name = type, tvm_dtype(type), name
        size = max(per_row, 1)
        self.shape = (symbols.var(symbol), size) if symbol else (size,)
        align = type.dtype.itemsize
        self.buffer = T.arg(name, T.buffer(self.shape, self.dtype, align=align))

    def _at(self, index: Any) -> list[Any]:
        return [0, index] if len(self.shape) == 2 else [index]

    def load(self, offset: Expr, lanes: int = 1, step: int = 1) -> Expr:
        """`lanes` elements from `offset` on, `step` apart; 0 repeats one element in every lane."""
        if lanes == 1 or step == 0:
            return splat(self.buffer[tuple(self._at(offset))], lanes)
        return self.buffer[tuple(self._at(tirx.Ramp(offset, step, lanes)))]

    def store(self, value: Expr, offset: Expr, lanes: int = 1, step: int = 1) -> None:
        """Write one element, or `lanes` of them `step` apart."""
        index = offset if lanes == 1 else tirx.Ramp(offset, step, lanes)
        T.buffer_store(self.buffer, splat(value, lanes), self._at(index))


class KernelBuilder:
    """Builds one PrimFunc; parameters are declared in the order of the kernel's args."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.args: list[tuple[str, int] | Pack] = []

    @contextmanager
    def function(self) -> Iterator[KernelBuilder]:
        """The body of the function; afterwards `func` is set."""
        with IRBuilder() as builder:
            with T.prim_func(s_tir=True):
                T.func_name("main")
                T.func_attr({"tirx.noalias": True})
                yield self
        self.func = builder.get()

    def param(self, arg: tuple[str, int] | Pack, type: TensorType) -> Memory:
        """Declare the next buffer parameter."""
        self.args.append(arg)
        return Memory(f"b{len(self.args) - 1}", type, self.symbols)

    def finish(self, flops: int = 0, **notes: str) -> Kernel:
        """The kernel."""
        return Kernel(self.func, tuple(self.args), flops, notes)


def flat(indices: Sequence[Any], steps: Sequence[int]) -> Any:
    """The element offset of loop indices; loops with step 0 do not count."""
    total: Any = 0
    for index, step in zip(indices, steps, strict=True):
        if step:
            total = total + index * step
    return total


def blocks(extent: int, target_block: int, multiple: int) -> int:
    """A block size near `target_block`, a multiple of `multiple`, that splits `extent` evenly."""
    count = max(1, round(extent / target_block))
    return -(-extent // count // multiple) * multiple
