"""What this machine can do at most: multiply-adds, and bytes to and from each level of memory.

The loops are LLVM IR, compiled here for the widest vectors of the target, and know nothing of the
code generator that is judged by them. Threads are Python's: a foreign call holds no lock.
"""

from __future__ import annotations

import ctypes
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from baryon.codegen.targets import Target, get_target
from benchmark.loops import WIDTH, loops

REPEATS = 40
FMA_TURNS = 2_000_000
BYTES_OF_A_CALL = 256 << 20
"""What a call moves at least, so that waking threads costs nothing."""

Memory = NDArray[np.float32]
Loop = Callable[[int, int, int, int], None]


@dataclass(frozen=True)
class Level:
    """One level of memory.

    bytes: what each thread walks over. read, copy: GB/s of all threads together; a copy of n bytes
    counts n read and n written.
    """

    name: str
    bytes: int
    read: float
    copy: float


@dataclass(frozen=True)
class Limits:
    """What so many threads can do. gflops: float32 multiply-adds from registers, two each."""

    threads: int
    gflops: float
    levels: tuple[Level, ...]

    def level(self, name: str) -> Level:
        """The level called L1, L2, L3 or memory."""
        return next(level for level in self.levels if level.name == name)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> Limits:
        """What `to_json` gave."""
        levels = tuple(Level(**level) for level in found["levels"])
        return Limits(found["threads"], found["gflops"], levels)


class Loops:
    """The compiled loops for vectors of a target."""

    def __init__(self, target: Target) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.vector_bytes = target.vector_bytes
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=target.cpu, features=",".join(f"+{name}" for name in target.features), opt=2
        )
        module = llvm.parse_assembly(loops(target.lanes(4)))
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    @property
    def turn_bytes(self) -> int:
        """Bytes that one turn reads."""
        return WIDTH * self.vector_bytes

    def function(self, name: str) -> Loop:
        """A loop: fma, read or copy."""
        kind = ctypes.CFUNCTYPE(
            None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p
        )
        return kind(self._engine.get_function_address(name))


@cache
def measure(threads: int, target_name: str = "native") -> Limits:
    """The limits of `threads` threads at work at the same time; takes some seconds."""
    target = get_target(target_name)
    compiled = Loops(target)
    with ThreadPoolExecutor(threads) as pool:
        levels = tuple(
            _level(compiled, pool, threads, name, size)
            for name, size in level_bytes(target.cache_bytes, threads).items()
        )
        sums = [_memory(compiled.turn_bytes) for _ in range(threads)]
        seconds = _fastest(compiled.function("fma"), pool, 1, FMA_TURNS, [(s, s) for s in sums])
    flops = 2 * WIDTH * target.lanes(4) * FMA_TURNS * threads
    return Limits(threads, flops / seconds / 1e9, levels)


def level_bytes(caches: Sequence[int], threads: int) -> dict[str, int]:
    """For each level how much a thread walks over: fits well into it, not into the one before."""
    l1, l2, *_ = caches
    l3 = max(_last_level(), 4 * l2)
    between = int((l2 * l3 / threads) ** 0.5)  # far from both
    return {"L1": l1 // 2, "L2": l2 // 2, "L3": between, "memory": min(4 * l3, 1 << 28)}


def _last_level() -> int:
    """Bytes of the cache that the cores share, as Linux says; 32 MiB where it does not."""
    file = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
    try:
        return int(file.read_text().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 32 << 20


def _level(compiled: Loops, pool: ThreadPoolExecutor, threads: int, name: str, size: int) -> Level:
    sums = compiled.turn_bytes
    reads = [(_memory(size), _memory(sums)) for _ in range(threads)]
    copies = [(_memory(size // 2), _memory(size // 2)) for _ in range(threads)]
    read, copy = (_rate(compiled, pool, *job) for job in (("read", reads), ("copy", copies)))
    return Level(name, size, read, 2 * copy)


def _rate(
    compiled: Loops, pool: ThreadPoolExecutor, name: str, memory: Sequence[tuple[Memory, Memory]]
) -> float:
    """GB/s that all threads read together."""
    turns = memory[0][0].nbytes // compiled.turn_bytes
    size = turns * compiled.turn_bytes
    repeats = max(1, BYTES_OF_A_CALL // size)
    seconds = _fastest(compiled.function(name), pool, repeats, turns, memory)
    return size * repeats * len(memory) / seconds / 1e9


def _fastest(
    loop: Loop,
    pool: ThreadPoolExecutor,
    repeats: int,
    turns: int,
    memory: Sequence[tuple[Memory, Memory]],
) -> float:
    """Seconds until all threads are done, the least of several times."""

    def run(pair: tuple[Memory, Memory]) -> None:
        loop(repeats, turns, pair[0].ctypes.data, pair[1].ctypes.data)

    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        list(pool.map(run, memory))
        best = min(best, time.perf_counter() - start)
    return best


def _memory(size: int) -> Memory:
    """Ones that are really there and start at a cache line. size: bytes."""
    count = size // 4
    raw = np.ones(count + 16, np.float32)
    start = -(raw.ctypes.data // 4) % 16
    return raw[start : start + count]


def cpu_name() -> str:
    """The processor, as Linux calls it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
