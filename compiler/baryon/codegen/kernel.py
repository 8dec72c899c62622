"""What a kernel family returns, and the pieces of TIR that all families share.

A kernel's parameters are flat buffers: one row of memory for a static value, `N` rows for one with
the symbolic outer dimension `factor*N` (see `baryon.ir.memory.rows`). Elements are addressed by
their flat offset, computed from the strides of the value's type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import prod
from typing import Any

from baryon.codegen.expr import Expr, splat, tvm_name
from baryon.codegen.tvm import IRBuilder, T, tirx
from baryon.ir import Array, Dim, DType, Sym, TensorType, UnsupportedError
from baryon.ir.memory import rows, strides

PARALLEL_WORK = 1 << 15
"""Elements to visit below which waking other threads costs more than it saves."""

ON_STACK = 1024
"""Bytes of a buffer above which TVM takes it from the workspace (its `kMaxStackAlloca`)."""

MAX_ELEMENTS = 1 << 31
"""Offsets are 32-bit integers."""


@dataclass(frozen=True)
class Pack:
    """A constant operand that the kernel wants in another form, made at compile time."""

    operand: int
    transform: Callable[[Array], Array]


@dataclass(frozen=True)
class Derived:
    """A constant that is made of the group itself, at compile time: what may differ between groups
    that share a kernel (`Group` is the argument's type)."""

    make: Callable[[Any], Array]


Arg = tuple[str, int] | Pack | Derived
"""Where a buffer parameter comes from: ("operand", i), ("result", i), or a constant."""


@dataclass(frozen=True)
class Rows:
    """The memory of one parameter: `count` elements, or rows of as many for each of a symbol."""

    dtype: str
    symbol: str | None
    count: int

    @staticmethod
    def of(type: TensorType) -> Rows:
        """The memory of a value."""
        return Rows(tvm_name(type.dtype), *rows(type))


@dataclass(frozen=True)
class Kernel:
    """A kernel before compilation.

    func: a tirx.PrimFunc; None for a kernel that was compiled before. args: where its buffer
    parameters come from. types: what each of them is in memory. flops: operations per run, for one
    row of a symbolic dimension. helpers: LLVM functions that it calls (see
    `baryon.codegen.helpers`). efficiency: the share of the full rate at which it computes, by the
    cost model; 0 where none was asked. scratch: bytes of workspace that a thread takes at most.
    """

    func: Any
    args: tuple[Arg, ...]
    types: tuple[Rows, ...] = ()
    flops: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)
    helpers: str = ""
    efficiency: float = 0.0
    scratch: int = 0


_SCRATCH: ContextVar[list[int]] = ContextVar("scratch")
"""Bytes of the buffers of the kernel under construction that lie in the workspace."""


def allocate(size: Any, dtype: str, **options: Any) -> Any:
    """A TIR buffer of `size` elements, a number or an expression, that the running thread has."""
    taken = size * max(1, int("0" + "".join(filter(str.isdigit, dtype))) // 8)
    if isinstance(size, int) and taken > ON_STACK:
        _SCRATCH.get([]).append(taken)
    return T.alloc_buffer((size,), dtype, **options)


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

    def dims(self, dims: Sequence[Dim]) -> list[Any]:
        """Dimensions or steps as ints or expressions."""
        return [self.dim(d) for d in dims]


class Memory:
    """A buffer parameter or a scratch buffer, addressed by flat element offsets."""

    def __init__(self, buffer: Any, dtype: DType, is_matrix: bool = False) -> None:
        self.buffer, self.dtype, self._is_matrix = buffer, dtype, is_matrix

    @staticmethod
    def parameter(name: str, type: TensorType, symbols: Symbols) -> Memory:
        """Declare a parameter that holds a value of `type`."""
        symbol, size = rows(type)
        if size >= MAX_ELEMENTS:
            raise UnsupportedError(f"{type} has 2^31 elements or more")
        shape = (symbols.var(symbol), size) if symbol else (size,)
        buffer = T.arg(name, T.buffer(shape, tvm_name(type.dtype), align=type.dtype.itemsize))
        return Memory(buffer, type.dtype, symbol is not None)

    @staticmethod
    def local(size: Any, dtype: DType) -> Memory:
        """Allocate a buffer of the running thread: registers and stack, or workspace when large."""
        return Memory(allocate(size, tvm_name(dtype)), dtype)

    def _at(self, index: Any) -> list[Any]:
        return [0, index] if self._is_matrix else [index]

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
    """Builds one PrimFunc; parameters are declared in the order of the kernel's args.

    any_axis: whether the kernel takes values with a symbolic dimension that is not the outermost.
    """

    def __init__(self, *, any_axis: bool = False) -> None:
        self.any_axis = any_axis
        self.symbols = Symbols()
        self.args: list[Arg] = []
        self.types: list[Rows] = []
        self.scratch: list[int] = []

    @contextmanager
    def function(self, *, in_place: bool = False) -> Iterator[KernelBuilder]:
        """The body of the function; afterwards `func` is set.

        in_place: a result may lie in the memory of an operand (see passes/alias.py).
        """
        with IRBuilder() as builder, T.prim_func(s_tir=True):
            T.func_name("main")
            T.func_attr({"tirx.noalias": not in_place})
            before = _SCRATCH.set(self.scratch)
            try:
                yield self
            finally:
                _SCRATCH.reset(before)
        self.func = builder.get()

    def param(self, arg: Arg, type: TensorType) -> Memory:
        """Declare the next buffer parameter."""
        if not self.any_axis:
            strides(type)  # refuses what this kernel cannot address
        self.args.append(arg)
        self.types.append(Rows.of(type))
        return Memory.parameter(f"b{len(self.args) - 1}", type, self.symbols)

    @contextmanager
    def tasks(self, counts: Sequence[Dim], work: int) -> Iterator[list[Any]]:
        """Indices of a loop over `counts` whose iterations threads share.

        Only the first count may be symbolic. work: elements that one iteration visits; a loop that
        visits few is left to one thread.
        """
        known = prod(d.factor if isinstance(d, Sym) else d for d in counts)
        symbolic = any(isinstance(d, Sym) for d in counts)
        limit = PARALLEL_WORK // 8 if symbolic else PARALLEL_WORK
        loop = T.parallel if known * work >= limit else T.serial
        sizes = [self.symbols.dim(d) for d in counts]
        with loop(0, prod(sizes[1:], start=sizes[0]) if sizes else 1) as task:
            yield unravel(task, sizes) if sizes else []

    def finish(self, flops: int = 0, efficiency: float = 0.0, **notes: str) -> Kernel:
        """The kernel."""
        args, types = tuple(self.args), tuple(self.types)
        scratch = sum(-(-size // 64) * 64 for size in self.scratch)
        return Kernel(self.func, args, types, flops, notes, "", efficiency, scratch)


@contextmanager
def grid(counts: Sequence[Any]) -> Iterator[list[Any]]:
    """Indices of nested serial loops; a count of 1 makes no loop."""
    with ExitStack() as stack:
        yield [0 if _is_one(n) else stack.enter_context(T.serial(0, n)) for n in counts]


@contextmanager
def when(condition: Any) -> Iterator[None]:
    """Statements that run where a condition holds."""
    with T.If(condition), T.Then():
        yield


def unravel(flat_index: Any, counts: Sequence[Any]) -> list[Any]:
    """Loop indices from one flat index, the last fastest; the first is not bounded."""
    indices: list[Any] = []
    rest = flat_index
    for count in reversed(counts[1:]):
        indices.append(0 if _is_one(count) else tirx.floormod(rest, count))
        rest = rest if _is_one(count) else tirx.floordiv(rest, count)
    return [rest, *reversed(indices)]


def flat(indices: Sequence[Any], steps: Sequence[Any]) -> Any:
    """The element offset of loop indices; loops with step 0 do not count."""
    total: Any = 0
    for index, step in zip(indices, steps, strict=True):
        if not isinstance(step, int) or step:
            total = total + index * step
    return total


def _is_one(count: Any) -> bool:
    return isinstance(count, int) and count == 1
