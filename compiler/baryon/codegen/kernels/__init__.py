"""Kernel families: each makes the kernel of a fused group of its kind.

How to add one: docs/recipes/add-a-kernel.md.
"""

from collections.abc import Callable, Mapping, Sequence

from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel
from baryon.codegen.kernels import (
    attention,
    contraction,
    deconvolution,
    determinant,
    elementwise,
    injective,
    layer_norm,
    leading,
    lrn,
    matmul,
    nonzero,
    pool,
    pool_gradient,
    recurrent,
    reduce,
    roi,
    scan,
    scatter,
    softmax,
    sort,
    suppressed,
    suppression,
    weight_gradient,
)
from baryon.codegen.kernels.candidate import Candidate, Candidates
from baryon.codegen.targets import Target
from baryon.ir import Attr, Op

Family = Callable[[Group, Target], Kernel]

FAMILIES: Mapping[str, Family] = {
    "implicit_gemm": contraction.build,
    "deconvolution": deconvolution.build,
    "determinant": determinant.build,
    "weight_gradient": weight_gradient.build,
    "elementwise": elementwise.build,
    "injective": injective.build,
    "relayout": injective.build,
    "concat": injective.build,
    "pool": pool.build,
    "pool_gradient": pool_gradient.build,
    "lrn": lrn.build,
    "attention": attention.build,
    "softmax": softmax.build,
    "layer_norm": layer_norm.build,
    "recurrent": recurrent.build,
    "reduce": reduce.build,
    "roi": roi.build,
    "scan": scan.build,
    "scatter": scatter.build,
    "sort": sort.build,
    "nonzero": nonzero.build,
    "size": leading.build_size,
    "leading": leading.build,
    "non_max_suppression": suppression.build,
    "suppressed": suppressed.build,
}
"""The builder of each kind of group."""

CANDIDATES: Mapping[str, Sequence[Candidates]] = {
    "implicit_gemm": (contraction.candidates, matmul.candidates)
}
"""Who lists the ways to compute a group of a kind; the first that knows any is asked."""


WRITTEN_FOR: Mapping[str, Callable[[Group, Target], Mapping[Op, Mapping[str, Attr]]]] = {
    "implicit_gemm": contraction.written_for
}
"""By kind of group which attributes of its ops the kernel is written for; of ops that are not
listed, all."""


def candidates(group: Group, target: Target) -> Sequence[Candidate]:
    """The ways to compute a group, best first by the cost model; none if there is but one."""
    offers = (offer(group, target) for offer in CANDIDATES.get(group.kind, ()))
    return next(filter(None, offers), ())
