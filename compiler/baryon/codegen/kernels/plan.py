"""What an algorithm offers for a contraction: a way to compute it, ready to be emitted."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from baryon.codegen.kernel import Memory
from baryon.codegen.kernels.implicit_gemm import Operands
from baryon.codegen.kernels.microkernel import Buffer
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.kernels.strip import Elementwise
from baryon.ir import DType


class Plan(Protocol):
    """A problem, an algorithm and its schedule, for one target."""

    @property
    def spec(self) -> ImplicitGemm:
        """The problem."""

    @property
    def name(self) -> str:
        """Algorithm and schedule as one line, which no other plan for the problem has."""

    @property
    def efficiency(self) -> float:
        """By the cost model, the mean over the target's numbers of threads of: cycles that all
        multiplications of the definition take at the full rate, per cycle spent."""

    @property
    def takes_inputs(self) -> bool:
        """Whether weights may arrive at run time."""

    @property
    def packed_size(self) -> int:
        """Elements of the packed weights."""

    def stored(self, dtype: DType) -> DType:
        """The element type of packed weights, from that of weights in words."""

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """Constant weights (O, I/groups, R, S) or (N, K) in the form that the kernel reads."""

    def pack_at_run_time(self, source: Memory, dtype: DType) -> Buffer:
        """The same for weights that are inputs, as loops of the kernel."""

    def emit(
        self, operands: Operands, epilogue: Elementwise | None, prologue: Elementwise | None
    ) -> None:
        """Write the kernel into the TIR function under construction (see `implicit_gemm.emit`)."""
