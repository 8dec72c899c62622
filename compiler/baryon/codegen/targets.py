"""Descriptions of the CPUs that kernels are generated for.

A `Target` names what the code generator may use (instruction set features, registers, caches) and
the register tiles that suit it. Kernels ask the target; they know no CPU themselves. TVM is not
needed to describe a target, only to build for one: `Target.to_tvm` gives the plain dictionary
that `tvm.target.Target` takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from baryon.ir import BaryonError

_BASE = ("cmov", "cx8", "fxsr", "mmx", "sse", "sse2")
_V2 = (*_BASE, "cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
# Every x86-64 CPU has the base; generated code has no use for the others.
_UNASKED = frozenset((*_BASE, "cx16", "sahf", "xsave"))
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
# What `native` may use: features that pay in generated kernels and that a runtime can test for.
# Everything else the host offers is switched off, so that LLVM cannot emit it unannounced.
# Cooper Lake, Sapphire Rapids and later, Zen 4 and later.
_V4_BF16 = (*_V4, "avx512bf16", "avx512vnni")
_V4_CACHES = (32 << 10, 1 << 20, 4 << 20)
# Of a Cortex-A76.
_ARM_CACHES = (64 << 10, 512 << 10, 2 << 20)
_KNOWN = (*_V4, "avx512bf16", "avx512vnni", "avxvnni", "avx512fp16")
# Feature sets in which a product and a sum are one instruction.
_FMA = frozenset({"fma", "neon"})
_X86_64, _AARCH64 = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
# Not an instruction set: switching it off would leave 64-bit mode.
_MODE = "64bit"


class TargetError(BaryonError, ValueError):
    """A target that does not exist or that this machine cannot be."""


@dataclass(frozen=True, order=True)
class Tile:
    """A register tile: `rows` output pixels by `vectors` vectors of output channels."""

    rows: int
    vectors: int


@dataclass(frozen=True)
class Target:
    """One CPU, as far as code generation cares.

    name: what the user says. cpu, triple: LLVM's `mcpu` and name of machine and system. features:
    LLVM names of every feature that the generated code may use, which is also what an artifact for
    this target requires. disabled: features that LLVM would assume from `cpu` and must not.
    vector_bytes, registers: width and number of vector registers. cache_bytes: level 1 data,
    level 2, and this core's share of level 3. tiles: register tiles worth trying, best first; they
    fit without spilling. threads: numbers of threads that schedules should suit; results are the
    same for any. dots: whether products of bfloat16 are summed two at a time, from pairs in memory,
    as AVX512-BF16 does it. code_depths: products of 8-bit codes that are summed at a time: 4 with
    VNNI, else 2. whole: what kernels of whole numbers are made for, where all others have to give
    the same bits on any CPU (see exact.py).
    """

    name: str
    cpu: str
    features: tuple[str, ...]
    vector_bytes: int
    registers: int
    tiles: tuple[Tile, ...]
    cache_bytes: tuple[int, int, int] = (32 << 10, 512 << 10, 4 << 20)
    disabled: tuple[str, ...] = ()
    threads: tuple[int, ...] = (1, 2, 4, 8, 16)
    dots: bool = False
    code_depths: int = 2
    whole: Target | None = None
    triple: str = _X86_64

    @property
    def for_codes(self) -> Target:
        """The target as kernels see it whose sums are of whole numbers."""
        return self.whole or self

    @property
    def fuses(self) -> bool:
        """Whether products and sums are rounded once, in one instruction where there is one."""
        return self.has_fma or self.whole is not None

    @property
    def has_fma(self) -> bool:
        """Whether there is such an instruction."""
        return not _FMA.isdisjoint(self.features)

    def lanes(self, element_bytes: int) -> int:
        """Elements of the given size (bytes) in one vector register."""
        return self.vector_bytes // element_bytes

    @property
    def required(self) -> tuple[str, ...]:
        """The features that an artifact asks of a CPU."""
        return tuple(name for name in self.features if name not in _UNASKED)

    def covers(self, other: Target) -> bool:
        """Whether this target runs on every CPU on which the other does."""
        return self.triple == other.triple and {*other.required} >= {*self.required}

    def has(self, feature: str) -> bool:
        """Whether generated code may use the named feature."""
        return feature in self.features

    def to_tvm(self) -> dict[str, Any]:
        """The argument of `tvm.target.Target` that builds for this target."""
        attributes = [f"+{name}" for name in self.features]
        attributes += [f"-{name}" for name in self.disabled]
        return {
            "kind": "llvm",
            "mtriple": self.triple,
            "mcpu": self.cpu,
            "mattr": attributes,
            "opt-level": 2,  # 3 is no faster on kernels of explicit vectors, and compiles longer
        }


def _tiles(*sizes: tuple[int, int]) -> tuple[Tile, ...]:
    return tuple(Tile(*size) for size in sizes)


# rows x vectors accumulators, the shorter side of the tile and one operand of the longer side must
# fit the registers. SSE2 needs more of them, for products, and two instructions for a broadcast,
# so it likes few rows.
_TILES_SSE = _tiles((2, 4), (2, 5), (3, 3), (4, 2), (1, 8), (8, 1))
_TILES_16 = _tiles((6, 2), (4, 3), (5, 2), (12, 1), (3, 4), (2, 5), (4, 2), (8, 1), (1, 8))
_TILES_32 = _tiles((6, 4), (8, 3), (12, 2), (5, 4), (4, 6), (3, 6), (4, 2), (2, 8), (8, 1), (1, 12))

_PRESETS = {
    target.name: target
    for target in (
        Target("x86-64", "x86-64", _BASE, 16, 16, _TILES_SSE),
        Target("x86-64-v2", "x86-64-v2", _V2, 16, 16, _TILES_SSE),
        Target("x86-64-v3", "x86-64-v3", _V3, 32, 16, _TILES_16),
        # Alder Lake and later
        Target(
            "x86-64-v3-vnni", "x86-64-v3", (*_V3, "avxvnni"), 32, 16, _TILES_16, code_depths=4,
        ),
        Target("x86-64-v4", "x86-64-v4", _V4, 64, 32, _TILES_32, _V4_CACHES),
        # Ice Lake and later, Zen 4 and later
        Target(
            "x86-64-v4-vnni", "x86-64-v4", (*_V4, "avx512vnni"), 64, 32, _TILES_32, _V4_CACHES,
            code_depths=4,
        ),
        Target(
            "x86-64-v4-bf16", "x86-64-v4", _V4_BF16, 64, 32, _TILES_32, _V4_CACHES, dots=True,
            code_depths=4,
        ),
        # ARMv8.0: every AArch64 CPU
        Target(
            "aarch64-linux", "generic", ("neon",), 16, 32, _TILES_32, _ARM_CACHES, triple=_AARCH64,
        ),
    )
}  # fmt: skip
NATIVE = "native"


def target_names() -> tuple[str, ...]:
    """The names that `get_target` knows."""
    return (*_PRESETS, NATIVE)


def get_target(name: str) -> Target:
    """The target of that name; `native` is the machine this runs on. Raises TargetError."""
    if name == NATIVE:
        return _native()
    if name not in _PRESETS:
        known = ", ".join(target_names())
        raise TargetError(f"unknown target {name!r}", hint=f"the known targets are: {known}")
    return _PRESETS[name]


@dataclass(frozen=True)
class Chosen:
    """Targets of one artifact, best first: a CPU runs the first that it can.

    left_out: names of those that no CPU would come to, with the target that comes before.
    """

    best_first: tuple[Target, ...]
    left_out: dict[str, str]


def get_targets(names: Iterable[str]) -> Chosen:
    """The targets of those names in the order in which a runtime should try them.

    Wider vectors come first, then more features, then `native`, which knows more of the machine.
    Raises TargetError, also if there are no names.
    """
    targets = [get_target(name) for name in dict.fromkeys(names)]
    if not targets:
        raise TargetError("no target is named", hint="name at least one, such as native")
    best_first: list[Target] = []
    left_out: dict[str, str] = {}
    for target in sorted(targets, key=_rank):
        before = next((other for other in best_first if other.covers(target)), None)
        if before is None:
            best_first.append(target)
        else:
            left_out[target.name] = before.name
    return Chosen(tuple(best_first), left_out)


def _rank(target: Target) -> tuple[int, int, bool]:
    return -target.vector_bytes, -len(target.required), target.name != NATIVE


def runs_here(target: Target) -> bool:
    """Whether this machine has all that a target needs."""
    return {name for name, there in _host().items() if there} >= {*target.required}


def _native() -> Target:
    """The host: the widest preset whose features it has, with its own CPU name and caches."""
    host = _host()
    have = {name for name, present in host.items() if present}
    presets = [target for target in _PRESETS.values() if target.triple == _X86_64]
    fitting = [target for target in presets if have.issuperset(target.features)]
    if not fitting:
        raise TargetError("this machine is not an x86-64 CPU", hint="name a target explicitly")
    features = tuple(name for name in _KNOWN if name in have)
    return replace(
        fitting[-1],
        name=NATIVE,
        cpu=_tuned_for(llvm.get_host_cpu_name(), fitting[-1]),
        features=features,
        disabled=tuple(sorted(set(host) - {_MODE} - set(features))),
        cache_bytes=_host_caches(fitting[-1].cache_bytes),
        threads=tuple(sorted({1, os.cpu_count() or 1})),
    )


def _host() -> dict[str, bool]:
    """LLVM's features by name, and whether this machine has them."""
    return dict(llvm.get_host_cpu_features())


def _tuned_for(host: str, preset: Target) -> str:
    """The CPU that LLVM tunes for.

    LLVM thinks that the loop buffers of AMD's Zen hold thousands of operations, and unrolls every
    loop to fill them: a fifth more code, which takes longer to compile and is no faster (Zen 3).
    """
    return preset.cpu if host.startswith("znver") else host


def _host_caches(default: tuple[int, int, int]) -> tuple[int, int, int]:
    """Cache sizes in bytes as Linux reports them for the first CPU; `default` where it does not."""
    sizes = dict(enumerate(default, 1))
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index[0-9]")):
        try:
            level, kind = (int((index / "level").read_text()), (index / "type").read_text().strip())
            size = int((index / "size").read_text().strip().removesuffix("K")) << 10
        except (OSError, ValueError):
            continue
        if kind != "Instruction" and level < 3:
            sizes[level] = size
    return sizes[1], sizes[2], sizes[3]
