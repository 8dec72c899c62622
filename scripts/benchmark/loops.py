"""LLVM IR of the loops that find the machine's limits.

Each is `void (repeats, turns, from, to)`: so many times over, a loop of so many turns. A turn takes
`WIDTH` vectors that do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable

WIDTH = 12
"""Vectors of one turn: more than two units of four cycles each need, and they fit 16 registers."""


def loops(lanes: int) -> str:
    """The module: `fma` works in registers, `read` adds up memory, `copy` moves it."""
    vector = f"<{lanes} x float>"
    declared = f"declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})\n"
    bodies = {"fma": _fma, "read": _read, "copy": _copy}
    return declared + "".join(_loop(name, lanes, body) for name, body in bodies.items())


def _loop(name: str, lanes: int, body: Callable[[int, str, int], list[str]]) -> str:
    """One function. Sums start at what lies at `to` and go back there after each loop."""
    vector, sums = f"<{lanes} x float>", [] if name == "copy" else range(WIDTH)
    lines = [f"define void @{name}(i64 %repeats, i64 %turns, ptr %from, ptr %to) {{", "start:"]
    lines += [f"  %factor = load {vector}, ptr %from", "  br label %outer", "outer:"]
    lines += ["  %repeat = phi i64 [ 0, %start ], [ %repeated, %after ]"]
    lines += [f"  %place{n} = getelementptr {vector}, ptr %to, i64 {n}" for n in sums]
    lines += [f"  %first{n} = load {vector}, ptr %place{n}" for n in sums]
    lines += ["  br label %inner", "inner:", "  %turn = phi i64 [ 0, %outer ], [ %next, %inner ]"]
    lines += [f"  %old{n} = phi {vector} [ %first{n}, %outer ], [ %new{n}, %inner ]" for n in sums]
    lines += [f"  %base = mul i64 %turn, {WIDTH}"]
    lines += [line for n in range(WIDTH) for line in body(n, vector, lanes)]
    lines += ["  %next = add i64 %turn, 1", "  %more = icmp slt i64 %next, %turns"]
    lines += ["  br i1 %more, label %inner, label %after", "after:"]
    lines += [f"  store {vector} %new{n}, ptr %place{n}" for n in sums]
    lines += ["  %repeated = add i64 %repeat, 1", "  %again = icmp slt i64 %repeated, %repeats"]
    lines += ["  br i1 %again, label %outer, label %end", "end:", "  ret void", "}", ""]
    return "\n".join(lines)


def _fma(n: int, vector: str, lanes: int) -> list[str]:
    operands = f"{vector} %old{n}, {vector} %factor, {vector} %factor"
    return [f"  %new{n} = call {vector} @llvm.fma.v{lanes}f32({operands})"]


def _loaded(n: int, vector: str) -> list[str]:
    return [
        f"  %index{n} = add i64 %base, {n}",
        f"  %source{n} = getelementptr {vector}, ptr %from, i64 %index{n}",
        f"  %value{n} = load {vector}, ptr %source{n}",
    ]


def _read(n: int, vector: str, lanes: int) -> list[str]:
    return [*_loaded(n, vector), f"  %new{n} = fadd {vector} %old{n}, %value{n}"]


def _copy(n: int, vector: str, lanes: int) -> list[str]:
    place = f"  %sink{n} = getelementptr {vector}, ptr %to, i64 %index{n}"
    return [*_loaded(n, vector), place, f"  store {vector} %value{n}, ptr %sink{n}"]
