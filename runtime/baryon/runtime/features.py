"""What this build can do, under MXNet's names."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path
from typing import NamedTuple

_CPU_FLAGS = {
    "CPU_SSE": "sse", "CPU_SSE2": "sse2", "CPU_SSE3": "pni", "CPU_SSE4_1": "sse4_1",
    "CPU_SSE4_2": "sse4_2", "CPU_SSE4A": "sse4a", "CPU_AVX": "avx", "CPU_AVX2": "avx2",
    "F16C": "f16c",
}  # fmt: skip
_PRESENT = {"LAPACK", "INT64_TENSOR_SIZE", "SSE"}
_NAMES = (
    "CUDA", "CUDNN", "NCCL", "TENSORRT", "CUTENSOR", "CPU_SSE", "CPU_SSE2", "CPU_SSE3",
    "CPU_SSE4_1", "CPU_SSE4_2", "CPU_SSE4A", "CPU_AVX", "CPU_AVX2", "OPENMP", "SSE", "F16C",
    "JEMALLOC", "BLAS_OPEN", "BLAS_ATLAS", "BLAS_MKL", "BLAS_APPLE", "LAPACK", "ONEDNN", "OPENCV",
    "DIST_KVSTORE", "INT64_TENSOR_SIZE", "SIGNAL_HANDLER", "DEBUG", "TVM_OP",
)  # fmt: skip


class Feature(NamedTuple):
    """A feature by name, and whether it is there."""

    name: str
    enabled: bool

    def __repr__(self) -> str:
        return f"{'✔' if self.enabled else '✖'} {self.name}"


class Features(dict[str, Feature]):
    """All features by name."""

    def __init__(self) -> None:
        super().__init__((f.name, f) for f in feature_list())

    def is_enabled(self, feature_name: str) -> bool:
        """Whether a feature (in any case) is there; RuntimeError if there is no such name."""
        name = feature_name.upper()
        if name not in self:
            raise RuntimeError(f"there is no feature {feature_name!r}; there are {', '.join(self)}")
        return self[name].enabled

    def __repr__(self) -> str:
        return str([*self.values()])


def feature_list() -> list[Feature]:
    """All features, in MXNet's order. TVM_OP: whether the compiler is installed."""
    present = {name for name, flag in _CPU_FLAGS.items() if flag in _flags()} | _PRESENT
    if importlib.util.find_spec("tvm") is not None:
        present.add("TVM_OP")
    return [Feature(name, name in present) for name in _NAMES]


def _flags() -> set[str]:
    path = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not path.exists():
        return set()
    lines = (line for line in path.read_text().splitlines() if line.startswith("flags"))
    return set(next(lines, "").partition(":")[2].split())
