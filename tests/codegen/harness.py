"""Runs one fused group through its kernel family and compares it with the interpreter.

A test writes a module whose @main is a single `ir.fused`, or plain ops that become one. Operands
are laid out in memory as their types say, only aligned to their elements; gaps between rows hold a
mark that must survive in results.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import tvm
import tvm_ffi

from baryon import interp
from baryon.codegen.compiler import build_kernel, constants_of
from baryon.codegen.group import Group
from baryon.codegen.helpers import merged
from baryon.codegen.kernel import Derived, Kernel, Pack
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Target, get_target
from baryon.ir import (
    CONSTANT,
    RETURN,
    Array,
    Module,
    Op,
    Region,
    Sym,
    TensorType,
    Value,
    dtype_of,
    parse_module,
    verify,
)
from baryon.ir.memory import rows, strides
from baryon.ops import lookup
from baryon.ops.structure import FUSED
from baryon.runtime.spec import leading

TARGET = get_target("x86-64-v3")
MARK = 77


def module_text(args: str, ops: str, out: str, symbol: str = "", constants: str = "") -> str:
    """A module whose @main takes `args`, runs `ops` and returns `out`."""
    names = ", ".join(f"o{i}" for i in range(out.count("%")))
    symbols = f"symbol {symbol} in 1..8" if symbol else ""
    body = f"func @main({args}) -> ({names}) {{\n{ops}\nir.return({out})\n}}"
    return "\n".join(["module {", symbols, constants, body, "}"])


def set_threads(count: int) -> None:
    """Ask TVM's pool for so many threads; a process that started with one never gets more.

    What holds for several threads is tested in test_threads.py, in processes of their own.
    """
    tvm.get_global_func("runtime.config_threadpool")(1, count)


@dataclass
class Case:
    """A group, its kernel and arrays to run it on. sizes: values of the symbols."""

    text: str
    kind: str
    sizes: Mapping[str, int] | None = None
    target: Target = TARGET
    seed: int = 0
    positive: bool = False
    high: int = 5
    constants: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def module(self) -> Module:
        module = parse_module(self.text, constants=self.constants)
        verify(module, lookup)
        return module

    @cached_property
    def group(self) -> Group:
        # the interpreter keeps the plain ops
        module = parse_module(self.text, constants=self.constants)
        op = fuse(module, self.kind)
        return Group(op, constants_of(module.main.body.ops, module.constants))

    @cached_property
    def kernel(self) -> Kernel:
        return build_kernel(self.group, self.target)

    @cached_property
    def compiled(self) -> Any:
        return compile_kernel(self.kernel, self.target)

    @cached_property
    def inputs(self) -> list[Array]:
        rng = np.random.default_rng(self.seed)
        return [self._draw(rng, v.type) for v in self.module.main.inputs]

    def _draw(self, rng: np.random.Generator, type: TensorType) -> Array:
        shape = type.bound(self.sizes or {})
        x: Array
        if type.dtype.is_float:
            x = rng.uniform(0.1 if self.positive else -2, 2, shape)
        elif type.quant is not None:
            low, high = type.dtype.limits
            x = rng.integers(low, high + 1, shape)
        else:
            x = rng.integers(0, 2 if type.dtype.kind == "bool" else self.high, shape)
        return np.asarray(x).astype(type.dtype.numpy)

    def expected(self, precise: bool = False) -> list[Array]:
        return interp.run(self.module, self.inputs, precise=precise)

    def prepare(self) -> tuple[list[Any], list[Array]]:
        """Arguments of the compiled function, and the memory of the results."""
        operands = self._operands()
        results = [memory_of(self._marked(r.type), self.group.room(r.type))
                   for r in self.group.op.results]  # fmt: skip
        given: list[Array] = []
        for arg in self.kernel.args:
            if isinstance(arg, Derived):
                given.append(np.ascontiguousarray(arg.make(self.group)).reshape(-1))
            elif isinstance(arg, Pack):
                payload = self.group.payload(self.group.args[arg.operand])
                assert payload is not None
                given.append(np.ascontiguousarray(arg.transform(payload)).reshape(-1))
            else:
                given.append((operands if arg[0] == "operand" else results)[arg[1]])
        return [to_tvm(x) for x in given], results

    def _marked(self, type: TensorType) -> Array:
        shape = self.group.room(type).bound(self.sizes or {})
        return np.full(shape, MARK).astype(type.dtype.numpy)

    def _operands(self) -> list[Array]:
        arrays: dict[Value, Array] = dict(zip(self.main_inputs, self.inputs, strict=True))
        arrays |= self.group.constants
        return [memory_of(arrays[v], v.type) for v in self.group.op.operands]

    @property
    def main_inputs(self) -> Sequence[Value]:
        region = self.group.op.parent
        assert region is not None
        return region.args

    def run(self) -> list[Array]:
        """The results, unpacked; checks that gaps kept their mark."""
        args, _ = self.prepare()
        self.compiled(*args)
        kinds = [arg[0] if isinstance(arg, tuple) else None for arg in self.kernel.args]
        got = [a.numpy() for a, kind in zip(args, kinds, strict=True) if kind == "result"]
        sizes = dict(self.sizes or {})
        room = [
            logical(x, self.group.room(r.type), sizes)
            for x, r in zip(got, self.group.op.results, strict=True)
        ]
        sizes |= {symbol: int(room[-1].item()) for symbol in self.group.bounds}
        shapes = (r.type.bound(sizes) for r in self.group.op.results)
        return [leading(x, shape) for x, shape in zip(room, shapes, strict=True)]

    def check(self, rtol: float = 1e-5, atol: float = 1e-6) -> None:
        """The kernel's results are the interpreter's, within the tolerance."""
        for got, want in zip(self.run(), self.expected(), strict=True):
            assert got.dtype == want.dtype
            wide = np.float64 if dtype_of(want.dtype).is_float else want.dtype
            np.testing.assert_allclose(got.astype(wide), want.astype(wide), rtol, atol)

    def seconds(self, repeat: int = 20) -> float:
        """The least time of a run."""
        args, _ = self.prepare()
        return min(_timed(self.compiled, args) for _ in range(repeat))


def _timed(run: Any, args: Sequence[Any]) -> float:
    start = time.perf_counter()
    run(*args)
    return time.perf_counter() - start


def compile_cases(cases: Sequence[Case]) -> None:
    """Compile the kernels of several cases in one go, which is quicker."""
    kernels = {f"kernel{i}": case.kernel.func for i, case in enumerate(cases)}
    helpers = merged(case.kernel.helpers for case in cases)
    compiled = tvm.runtime.Executable(lower(kernels, TARGET, helpers))
    for name, case in zip(kernels, cases, strict=True):
        case.__dict__["compiled"] = compiled[name]


def compile_kernel(kernel: Kernel, target: Target = TARGET) -> Any:
    """The kernel as a callable."""
    return tvm.runtime.Executable(lower({"main": kernel.func}, target, kernel.helpers))["main"]


def fuse(module: Module, kind: str) -> Op:
    """Make one `ir.fused` of all ops of @main unless it is one; returns it."""
    body = module.main.body
    fused = [op for op in body.ops if op.name == FUSED]
    if fused:
        return fused[0]
    constants = [op.result for op in body.ops if op.name == CONSTANT]
    inputs = [*body.args, *constants]
    region = Region([v.type for v in inputs], [v.name for v in inputs])
    values: dict[Value, Value] = dict(zip(inputs, region.args, strict=True))
    for op in body.ops:
        if op.name not in (CONSTANT, RETURN):
            new = Op(
                op.name, [values[v] for v in op.operands], [r.type for r in op.results], op.attrs
            )
            region.append(new)
            values.update(zip(op.results, new.results, strict=True))
    outputs = list(dict.fromkeys(body.outputs))
    region.append(Op(RETURN, [values[v] for v in outputs], ()))
    result = Op(FUSED, inputs, [v.type for v in outputs], {"kind": kind}, [region])
    body.ops[-1].erase()
    for op in [op for op in reversed(body.ops) if op.name != CONSTANT]:
        op.erase()
    body.append(result)
    body.append(Op(RETURN, result.results, ()))
    return result


def memory_of(array: Array, type: TensorType) -> Array:
    """The memory that holds a value: flat, or one row for each of a symbolic dimension.

    Elements of small types are bytes.
    """
    array = array.view(type.dtype.stored.numpy) if type.dtype.is_small else array
    symbol, per_row = rows(type)
    count = _rows_of(type, array.shape)
    room = np.full(count * per_row + 1, MARK).astype(array.dtype)[1:]  # aligned to elements only
    view = np.lib.stride_tricks.as_strided(
        room, array.shape, [s * room.itemsize for s in strides(replace(type, shape=array.shape))]
    )
    view[...] = array
    return room.reshape(count, per_row) if symbol else room


def _rows_of(type: TensorType, shape: Sequence[int]) -> int:
    """The value of the type's symbol in a shape; 1 if there is none."""
    pairs = zip(type.shape, shape, strict=True)
    return next((n // d.factor for d, n in pairs if isinstance(d, Sym)), 1)


def logical(memory: Array, type: TensorType, sizes: Mapping[str, int]) -> Array:
    """The value that lies in memory; asserts that what is between its rows is untouched."""
    flat, shape = memory.reshape(-1), type.bound(sizes)
    elements = strides(replace(type, shape=shape))
    steps = [s * flat.itemsize for s in elements]
    seen = np.zeros(flat.size, bool)
    np.lib.stride_tricks.as_strided(seen, shape, elements)[...] = True
    assert (flat[~seen] == np.asarray(MARK).astype(flat.dtype)).all(), "wrote between rows"
    found = np.lib.stride_tricks.as_strided(flat, shape, steps).copy()
    return found.view(type.dtype.numpy) if type.dtype.is_small else found


def to_tvm(array: Array) -> Any:
    """A tensor over the array's memory; bfloat16 is copied, NumPy cannot export it."""
    if array.dtype.name == "bfloat16":
        return tvm.runtime.tensor(array)
    return tvm_ffi.from_dlpack(array)
