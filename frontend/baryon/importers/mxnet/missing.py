"""Operators of a file that cannot be imported: all of them at once, with what can be done.

What MXNet 1.9.1 and 2.0b1 register and baryon does not import is in `REASONS`, by what can be done
about it; tests hold both lists against the table of mappings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from baryon.importers.mxnet.reader import VARIABLE, Symbol
from baryon.importers.mxnet.table import find
from baryon.ir import UnsupportedError

_RECIPE = "how to add one: docs/recipes/import-an-mxnet-op.md"
_UNKNOWN = (
    "neither MXNet 1.9 nor 2.0 has it: write this part of the network with operators that they "
    f"have, or, if it is one of theirs by another name, {_RECIPE}"
)

REASONS: Mapping[str, str] = {
    "it computes gradients: export the network for inference, from the block or Module itself": (
        "_backward_* _broadcast_backward *_backward _contrib_backward_* _npi_backward_* _NoGradient"
    ),
    "it belongs to training: end the network before it, at one of Symbol.get_internals()":
        ("*_update *_update_phase? multi_lars multi_sum_sq reset_arrays softmax_cross_entropy "
         "*all_finite _contrib_calibrate_entropy _npx_contrib_calibrate_entropy"),
    "it calls code that is not in the file: write this part of the network with operators": (
        "Custom _npi_Custom _CustomFunction _Native _NDArray"
    ),
    "it is what MXNet makes of a graph while it runs: save the network as it was before": (
        "_CachedOp _CachedOpThreadSafe _set_value _onehot_encode fill_element_0index "
        "_npi_share_memory"
    ),
    "a backend of MXNet wrote it: save the network before optimize_for, or with "
    "MXNET_SUBGRAPH_BACKEND=NONE in the environment": "_TensorRT _FusedOp _sg_*",
    "it draws random numbers: make them an input of the network, a variable in the place of "
    "the node": (
        "_random_* random_* _sample_* sample_* _npx__random_* _npi_random_randint _npi_bernoulli "
        "_npi_choice _npi_exponential _npi_gumbel _npi_laplace _npi_logistic _npi_multinomial "
        "_npi_normal _npi_normal_n _npi_pareto _npi_powerd _npi_rayleigh _npi_uniform "
        "_npi_uniform_n _npi_weibull _npx_scalar_poisson _npx_tensor_poisson _shuffle shuffle "
        "_npi_shuffle normal uniform _image_random_* _npx__image_random_*"
    ),
    "it reads files or compressed pictures: do that before the network": (
        "_cv* _npi_cv* _imdecode"
    ),
    "it works on graphs or arrays stored sparsely: store them densely (tostype('default'))": (
        "_contrib_dgl_* _contrib_edge_id _contrib_getnnz _sparse_retain _square_sum _scatter_* "
        "_npi_scatter_set_nd"
    ),
    "the size of its result depends on data: compute it outside of the network": (
        "_npi_unique _npi_delete _npi_bincount _contrib_dynamic_reshape"
    ),
    "it computes with 8-bit codes in a form that baryon lacks: save the network as it was before "
    "quantization, and quantize it with baryon": (
        "*intgemm_* _contrib_quantize_asym _contrib_quantized_rnn"
    ),
    f"it is not supported yet; {_RECIPE}": (
        "_contrib_DeformablePSROIPooling _contrib_RROIAlign _contrib_allclose "
        "_contrib_count_sketch _contrib_fft _contrib_ifft _contrib_hawkesll _histogram "
        "_npi_histogram *linalg_gelqf _linalg_syevd _linspace _npi_advanced_indexing_multiple "
        "_npi_blackman _npi_hamming _npi_hanning _npi_diag_indices_from _npi_ediff1d _npi_eig "
        "_npi_eigvals _npi_fill_diagonal _npi_insert_* _npi_interp _npi_logspace _npi_lstsq "
        "_npi_matrix_rank* _npi_percentile _npi_pinv _npi_tri _npi_tril_indices "
        "_npx_constraint_check col2im khatri_rao"
    ),
}  # fmt: skip
"""What can be done, and the names or patterns of names of the operators."""


def reason(name: str) -> str | None:
    """What can be done about an operator of MXNet's that is not imported; None for others."""
    for remedy, patterns in REASONS.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return remedy
    return None


@dataclass(frozen=True)
class MissingOp:
    """An operator without a mapping. nodes: the names of those that use it."""

    name: str
    nodes: tuple[str, ...]

    @property
    def remedy(self) -> str:
        """What can be done."""
        return reason(self.name) or _UNKNOWN


def missing_ops(symbol: Symbol) -> list[MissingOp]:
    """The operators of a graph, and of those inside it, that nothing says how to import."""
    nodes: dict[str, list[str]] = defaultdict(list)
    for node in symbol.walk():
        if node.op != VARIABLE and find(node.op) is None:
            nodes[node.op].append(node.name)
    return [MissingOp(name, tuple(users)) for name, users in sorted(nodes.items())]


def refuse_missing(symbol: Symbol, where: str) -> None:
    """UnsupportedError that lists all operators without a mapping, and what can be done."""
    missing = missing_ops(symbol)
    if not missing:
        return
    lines = (f"{op.name}: {len(op.nodes)} x, at {', '.join(op.nodes[:3])}" for op in missing)
    alike: dict[str, list[str]] = defaultdict(list)
    for op in missing:
        alike[op.remedy].append(op.name)
    raise UnsupportedError(
        "operators that cannot be imported: " + "; ".join(lines),
        where=where,
        hint="\n  ".join(f"{', '.join(names)}: {remedy}" for remedy, names in alike.items()),
    )
