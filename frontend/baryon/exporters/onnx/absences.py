"""Ops that no ONNX file has, each with the reason."""

from __future__ import annotations

from baryon.exporters.onnx.form import NoForm

_STRUCTURE = "it is written by what holds it"
_COMPILED = "passes make it of other ops; export the module before it is compiled"
_GRADIENT = "it belongs to programs that train, and files are for inference"
_LINALG = "the standard has no factorization and no inverse of a matrix"
_REJECTION = "it is drawn by rejection, which the standard has no op for"
_BOXES = "its greedy choice is no op of the standard; export the network up to it"
_SPECIAL = "the standard has no such function; write it in others"


def _because(why: str, *names: str) -> tuple[NoForm, ...]:
    return tuple(NoForm(name, why) for name in names)


OPS: tuple[NoForm, ...] = (
    *_because(_STRUCTURE, "ir.constant", "ir.return"),
    *_because(_COMPILED, "ir.relayout", "ir.fused", "ir.concat_in_place", "ir.rows"),
    *_because(
        _GRADIENT, "ir.convolution_weight_gradient", "ir.pooling_gradient", "ir.lstm_gradient",
        "ir.gru_gradient", "ir.elman_gradient",
    ),
    *_because("it stops a program on the host", "npx.constraint_check"),
    *_because(
        _LINALG, "ir.linalg_inv", "ir.linalg_slogdet", "ir.linalg_solve", "ir.linalg_cholesky",
        "ir.linalg_eigh", "ir.linalg_eig", "ir.linalg_svd", "ir.linalg_qr", "ir.linalg_pinv",
    ),
    *_because(_REJECTION, "ir.random_gamma", "ir.random_poisson", "ir.random_multinomial"),
    *_because(_BOXES, "npx.bipartite_matching", "npx.multibox_target"),
    *_because(_SPECIAL, "np.gcd", "np.lcm"),
)  # fmt: skip
