"""The algorithms that compute a contraction, and the choice among them.

An algorithm is a function from a problem to *plans*: ways to compute it, ready to be emitted. All
of them estimate in the same units, so that one ranking holds those of every algorithm. A plan is
remembered by its name: `find` gives it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from baryon.codegen.kernel import Memory
from baryon.codegen.kernels import cost, implicit_gemm, packing, weights, winograd_plan
from baryon.codegen.kernels.implicit_gemm import Operands
from baryon.codegen.kernels.microkernel import Buffer
from baryon.codegen.kernels.plan import Plan
from baryon.codegen.kernels.schedule import Columns, Schedule
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.kernels.strip import Elementwise
from baryon.codegen.targets import Target
from baryon.ir import DType


@dataclass(frozen=True)
class Direct:
    """Every product of the definition, by implicit GEMM."""

    spec: ImplicitGemm
    schedule: Schedule
    efficiency: float = 0.0
    takes_inputs = True

    @property
    def name(self) -> str:
        """See `Plan`."""
        return f"direct {self.schedule}"

    @property
    def packed_size(self) -> int:
        """See `Plan`."""
        return packing.packed_size(Columns(self.spec, self.schedule))

    def stored(self, dtype: DType) -> DType:
        """See `Plan`."""
        return dtype

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """See `Plan`."""
        return packing.pack_weights(values, self.spec, self.schedule)

    def pack_at_run_time(self, source: Memory, dtype: DType) -> Buffer:
        """See `Plan`."""
        filters = weights.Filters.of(self.spec)
        return weights.pack_at_run_time(self.spec, self.schedule, source, filters, dtype)

    def emit(
        self, operands: Operands, epilogue: Elementwise | None, prologue: Elementwise | None
    ) -> None:
        """See `Plan`."""
        implicit_gemm.emit(self.spec, self.schedule, operands, epilogue, prologue)


def _direct(spec: ImplicitGemm, target: Target) -> Sequence[Plan]:
    return [Direct(spec, s, efficiency) for s, efficiency in cost.ranked(spec, target)]


Algorithm = Callable[[ImplicitGemm, Target], Sequence[Plan]]
"""The plans of one algorithm for a problem, best first; none where it does not apply."""

ALGORITHMS: Mapping[str, Algorithm] = {"direct": _direct, "winograd": winograd_plan.plans}
"""By the first word of their plans' names."""

WORDS = ("direct",)
"""Those that multiply weights in bfloat16."""


def candidates(spec: ImplicitGemm, target: Target, constant: bool = True) -> list[Plan]:
    """Plans of all algorithms that are worth measuring, best first by the cost model.

    constant: whether the weights are known when compiling.
    """
    algorithms = (ALGORITHMS[name] for name in (WORDS if spec.pairs else ALGORITHMS))
    plans = [plan for algorithm in algorithms for plan in algorithm(spec, target)]
    possible = [plan for plan in plans if constant or plan.takes_inputs]
    return sorted(possible, key=lambda plan: -plan.efficiency)


def choose(spec: ImplicitGemm, target: Target, constant: bool = True) -> Plan:
    """The plan that the cost model likes best."""
    return candidates(spec, target, constant)[0]


def find(spec: ImplicitGemm, target: Target, name: str, constant: bool = True) -> Plan | None:
    """The candidate of that name; None if there is none (any more)."""
    named = {plan.name: plan for plan in candidates(spec, target, constant)}
    return named.get(name)
