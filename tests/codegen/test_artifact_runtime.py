"""What the linker and the writer make, the runtime loads and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm.script import tirx as tir
from tvm.target import Target

from baryon.codegen.artifact import (
    Artifact,
    Call,
    Dim,
    Kernel,
    Plan,
    Port,
    Storage,
    Symbol,
    TensorDesc,
    WeightsBuilder,
    write_artifact,
)
from baryon.codegen.link import link, object_bytes

pytest.importorskip("baryon.runtime._native", reason="the runtime is not built")
runtime = pytest.importorskip("baryon.runtime")

TARGET = Target({"kind": "llvm", "mcpu": "x86-64-v3", "opt-level": 3})
ROWS, WIDTH = "N", 24


# align=4, as the runtime passes the caller's memory on, which is aligned to elements only.
@tir.prim_func(s_tir=True)  # type: ignore[untyped-decorator]
def scale(x_: tir.handle, w_: tir.handle, y_: tir.handle) -> None:
    n = tir.int64()
    x = tir.match_buffer(x_, (n, 24), align=4)
    w = tir.match_buffer(w_, (24,), align=4)
    y = tir.match_buffer(y_, (n, 24), align=4)
    for i, j in tir.grid(n, 24):
        with tir.sblock("y"):
            row, column = tir.axis.remap("SS", [i, j])
            y[row, column] = x[row, column] * w[column]


@tir.prim_func(s_tir=True)  # type: ignore[untyped-decorator]
def exponential(x_: tir.handle, y_: tir.handle) -> None:
    n = tir.int64()
    x = tir.match_buffer(x_, (n, 24), align=4)
    y = tir.match_buffer(y_, (n, 24), align=4)
    for i, j in tir.grid(n, 24):
        with tir.sblock("y"):
            row, column = tir.axis.remap("SS", [i, j])
            y[row, column] = tir.exp(x[row, column])


def compile_kernel(name: str, function: Any) -> tuple[str, bytes]:
    module = tvm.IRModule({name: function.with_attr("global_symbol", name)})
    return name, object_bytes(tvm.compile(module, target=TARGET))


def make_artifact(row: np.ndarray[Any, Any]) -> Artifact:
    """y = exp(x * row) with x of 1 to 8 rows."""
    kernels = {"scale": scale, "exponential": exponential}
    linked = link(compile_kernel(name, function) for name, function in kernels.items())
    builder = WeightsBuilder()
    builder.add(np.ones(5, "int8"))
    shape, entries = (Dim(ROWS), WIDTH), linked.entries
    plan = Plan(
        name="x86-64-v3",
        machine=linked.machine,
        tensors=(
            TensorDesc("float32", shape, Storage.INPUT),
            TensorDesc("float32", shape, Storage.OUTPUT),
            TensorDesc("float32", (WIDTH,), Storage.WEIGHTS, byte_offset=builder.add(row)),
            TensorDesc("float32", shape, Storage.ARENA, byte_offset=64),
        ),
        inputs=(Port("x", 0),),
        outputs=(Port("y", 1),),
        kernels=tuple(Kernel(name, entry) for name, entry in entries.items()),
        calls=(Call(0, (0, 2, 3)), Call(1, (3, 1))),
        symbols=(Symbol(ROWS, 1, 8),),
        features=("avx2", "fma"),
        arena_bytes=64 + 8 * WIDTH * 4,
    )
    return Artifact.single({"network": "test"}, plan, linked.code, builder.finish())


def test_the_runtime_runs_what_was_written(tmp_path: Path) -> None:
    row = np.linspace(-1, 1, WIDTH, dtype="float32")
    path = tmp_path / "net.baryon"
    write_artifact(path, make_artifact(row))
    executable = runtime.load(str(path), threads=2)
    for count in (1, 3, 8):
        x = np.random.default_rng(count).random((count, WIDTH), "float32")
        np.testing.assert_allclose(executable(x)[0], np.exp(x * row), rtol=1e-6)
