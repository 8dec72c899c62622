"""Sequences: recurrent layers, attention over interleaved projections, masks."""

from __future__ import annotations

from typing import Any

from baryon import npx
from baryon.array import ndarray
from baryon.array.indexing import broadcast
from baryon.importers.mxnet.attributes import flag, integer, number, text
from baryon.importers.mxnet.node import Node, direct, op


def _rnn(node: Node, x: ndarray, parameters: ndarray, state: ndarray, *more: ndarray) -> Any:
    mode, use_length = node.get(text("mode")), node.get(flag("use_sequence_length", False))
    rest = [*more]
    cell = rest.pop(0) if mode == "lstm" and rest else None
    length = rest.pop(0) if use_length and rest else None
    return npx.rnn(
        x, parameters, _for_batch(state, x), None if cell is None else _for_batch(cell, x), length,
        mode=mode, state_size=node.get(integer("state_size")),
        num_layers=node.get(integer("num_layers")),
        bidirectional=bool(node.get(flag("bidirectional", False))),
        state_outputs=bool(node.get(flag("state_outputs", False))), p=node.get(number("p", 0.0)),
        use_sequence_length=length is not None,
        projection_size=node.get(integer("projection_size", None)),
        lstm_state_clip_min=node.get(number("lstm_state_clip_min", None)),
        lstm_state_clip_max=node.get(number("lstm_state_clip_max", None)),
        lstm_state_clip_nan=bool(node.get(flag("lstm_state_clip_nan", False))),
    )  # fmt: skip


def _for_batch(state: ndarray, x: ndarray) -> ndarray:
    """A first state that the file gives for any batch, for this one."""
    if state.shape[1] == x.shape[1] or state.shape[1] != 1:
        return state
    return broadcast(state, (state.shape[0], x.shape[1], state.shape[2]))


def _by_length(function: Any) -> Any:
    def build(node: Node, x: ndarray, length: Any = None) -> ndarray:
        used = bool(node.get(flag("use_sequence_length", False)))
        more = {"axis": node.get(integer("axis", 0))}
        if node.op in ("SequenceMask", "_npx_sequence_mask"):
            more["value"] = node.get(number("value", 0.0))
        return function(x, length if used else None, used, **more)  # type: ignore[no-any-return]

    return build


_HEADS = {"heads": integer("heads")}
_WINDOW = {"w": integer("w"), "symmetric": flag("symmetric")}

OPS = (
    op("RNN _npx_rnn", _rnn),
    op("SequenceMask _npx_sequence_mask", _by_length(npx.sequence_mask)),
    op("SequenceLast _npx_sequence_last", _by_length(npx.sequence_last)),
    op("SequenceReverse _npx_sequence_reverse", _by_length(npx.sequence_reverse)),
    *(
        direct(f"_contrib_{name} _npx_{name}", getattr(npx, name), **_HEADS)
        for name in (
            "interleaved_matmul_selfatt_qk", "interleaved_matmul_selfatt_valatt",
            "interleaved_matmul_encdec_qk", "interleaved_matmul_encdec_valatt",
        )
    ),
    *(
        direct(f"_contrib_{name} _npx_{name}", getattr(npx, name), **_WINDOW)
        for name in ("sldwin_atten_score", "sldwin_atten_mask_like", "sldwin_atten_context")
    ),
)  # fmt: skip
