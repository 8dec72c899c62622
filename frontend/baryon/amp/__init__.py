"""`mx.amp`: training in mixed precision, of which the scaling of the loss is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from baryon.amp.scaler import LOG, LossScaler
from baryon.array import ndarray
from baryon.gluon.trainer import Trainer
from baryon.ir import BaryonError, UnsupportedError, caller_loc, dtype_of

__all__ = ["AMPError", "LossScaler", "init", "init_trainer", "scale_loss", "unscale"]

_CONVERTED = "this version converts no networks; cast one: net.cast('float16')"
_LISTED = "ops are not cast one by one; cast the network: net.cast('float16')"
ABSENT: Mapping[str, str] = {
    **dict.fromkeys(("convert_symbol", "convert_model", "convert_hybrid_block"), _CONVERTED),
    **dict.fromkeys(
        ("list_lp16_ops", "list_fp32_ops", "list_lp16_fp32_ops", "list_conditional_fp32_ops",
         "list_widest_type_cast", "list_loss_output_functions", "list_lp16_use_fp32_params"),
        _LISTED,
    ),
}  # fmt: skip


class AMPError(BaryonError, RuntimeError):
    """A function was called before the one that prepares it."""


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
    LOG.warning("ops are not cast to %s: cast the network, as by net.cast(%r)", dtype, dtype)
    _STARTED.append(dtype)


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


def __getattr__(name: str) -> Any:
    text = f"module 'baryon.amp' has no attribute {name!r}"
    raise AttributeError(f"{text}: {ABSENT[name]}" if name in ABSENT else text)
