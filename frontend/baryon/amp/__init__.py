"""`mx.amp`: mixed precision: networks that compute in bfloat16, and the scaling of the loss.

What is rounded is the compiler's choice: docs/precision.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from baryon.amp.scaler import LOG, LossScaler
from baryon.array import ndarray
from baryon.array.missing import missing_name
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.trainer import Trainer
from baryon.ir import BaryonError, UnsupportedError, caller_loc, dtype_of

__all__ = [
    "AMPError",
    "LossScaler",
    "convert_hybrid_block",
    "init",
    "init_trainer",
    "scale_loss",
    "unscale",
]

_CONVERTED = "there are no symbols; convert a block: amp.convert_hybrid_block(net, x, 'bfloat16')"
_LISTED = "ops are not cast one by one; cast the network: net.cast('float16')"
_HALF = "cast the network: net.cast('float16')"
_OWN = "docs/precision.md says which ops compute in what"
ABSENT: Mapping[str, str] = {
    **dict.fromkeys(("convert_symbol", "convert_model"), _CONVERTED),
    **dict.fromkeys(
        ("list_lp16_ops", "list_fp32_ops", "list_lp16_fp32_ops", "list_conditional_fp32_ops",
         "list_widest_type_cast", "list_loss_output_functions", "list_lp16_use_fp32_params"),
        _LISTED,
    ),
}  # fmt: skip


class AMPError(BaryonError, RuntimeError):
    """A function was called before the one that prepares it."""


_ADVICE: Mapping[str, str] = {
    "float16": "ops are not cast to float16: cast the network, as by net.cast('float16')",
    "bfloat16": "training computes in float32; for inference convert the network, as by "
    "amp.convert_hybrid_block(net, x, 'bfloat16')",
}
_STARTED: list[str] = []


def init(
    target_dtype: Any = "float16",
    target_precision_ops: Sequence[str] | None = None,
    conditional_fp32_ops: Sequence[Any] | None = None,
    fp32_ops: Sequence[str] | None = None,
    layout_optimization: bool = False,
) -> None:
    """Allow `init_trainer`. Ops are not cast: they compute in the dtype of their operands.

    target_dtype: float16 or bfloat16. Lists of ops to cast are refused.
    """
    dtype = dtype_of(target_dtype).numpy.name
    if dtype not in {"float16", "bfloat16"}:
        raise UnsupportedError(f"amp.init: {dtype} is neither float16 nor bfloat16")
    if target_precision_ops or conditional_fp32_ops or fp32_ops:
        raise UnsupportedError("amp.init: lists of ops are not supported", hint=_LISTED)
    LOG.warning(_ADVICE[dtype])
    _STARTED.append(dtype)


def convert_hybrid_block(
    block: HybridBlock,
    data_example: Any,
    target_dtype: Any = "bfloat16",
    target_dtype_ops: Sequence[str] | None = None,
    fp32_ops: Sequence[str] | None = None,
    conditional_fp32_ops: Sequence[Any] | None = None,
    excluded_sym_names: Sequence[str] = (),
    device: Any = None,
    cast_params_offline: bool = False,
) -> HybridBlock:
    """Make a block compute in bfloat16 where that is safe, for inference; returns the block.

    data_example: an input, or a list of them. It is `block.optimize_for(..., precision="bf16")`:
    parameters stay float32, the compiled code holds them rounded, and training or loading others
    undoes it. Lists of ops, which the compiler chooses itself, and float16 are refused; device and
    cast_params_offline change nothing. Raises UnsupportedError.
    """
    dtype = dtype_of(target_dtype).numpy.name
    if dtype != "bfloat16":
        raise UnsupportedError(f"amp converts to bfloat16, not to {dtype}", hint=_HALF)
    if target_dtype_ops or fp32_ops or conditional_fp32_ops or excluded_sym_names:
        raise UnsupportedError(
            "amp.convert_hybrid_block: lists of ops are not supported", hint=_OWN
        )
    examples = data_example if isinstance(data_example, list | tuple) else [data_example]
    block.optimize_for(*examples, precision="bf16")
    return block


def init_trainer(optimizer_or_trainer: Trainer) -> None:
    """Make a trainer skip steps whose gradients overflow; then use `scale_loss`."""
    if not _STARTED:
        raise AMPError("init_trainer before init", where=_here(), hint="call amp.init() first")
    if not isinstance(optimizer_or_trainer, Trainer):
        raise TypeError(f"amp scales the loss of a Trainer, not of {optimizer_or_trainer!r}")
    optimizer_or_trainer._amp_loss_scaler = LossScaler()
    optimizer_or_trainer._amp_original_scale = optimizer_or_trainer._scale


@contextmanager
def scale_loss(loss: Any, optimizer_or_trainer: Trainer) -> Iterator[Any]:
    """The loss (or a list of losses) times the scale, of which the next step takes no notice.

    Use it inside `autograd.record()`, and call backward on what it gives.
    """
    trainer = _prepared(optimizer_or_trainer)
    scale = trainer.amp_loss_scale
    trainer._scale = trainer._amp_original_scale / scale
    yield [x * scale for x in loss] if isinstance(loss, list | tuple) else loss * scale


def unscale(optimizer_or_trainer: Trainer) -> None:
    """Divide the gradients by the scale now, to look at them or clip them before the step."""
    trainer = _prepared(optimizer_or_trainer)
    for parameter in trainer._params:
        if parameter.grad_req != "null":
            grad: ndarray = parameter.grad()
            grad *= trainer._scale
    trainer._scale = 1.0


def _prepared(trainer: Trainer) -> Trainer:
    if not isinstance(trainer, Trainer) or trainer._amp_loss_scaler is None:
        raise AMPError(
            "the trainer is not prepared", where=_here(), hint="call amp.init_trainer(trainer)"
        )
    return trainer


def _here() -> str:
    return str(caller_loc("baryon"))


__getattr__ = missing_name(__name__, __all__, absent=ABSENT)
