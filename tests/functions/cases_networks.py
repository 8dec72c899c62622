"""Gradients of larger functions of `npx`, whose values are compared with MXNet's elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from functions.case import Case


def graded(name: str, *shapes: str, call: Callable[..., Any], **more: Any) -> Case:
    """Checked by finite differences; `call(mx.npx, *arrays)`."""
    keywords: dict[str, Any] = {"compared": False, "compiled": False, **more}
    return Case(f"npx.{name}", shapes, call=call, **keywords)


def whole(*numbers: int) -> Any:
    return numpy.array(numpy.array(numbers), dtype="int32")


def recurrent(mode: str, both: bool) -> Case:
    """Two steps of one layer with two units, of inputs with three numbers."""
    gates = {"gru": 3, "lstm": 4}.get(mode, 1)
    ways = 2 if both else 1
    size = ways * gates * 2 * (3 + 2 + 2)
    states = [f"{ways} a 2"] * (2 if mode == "lstm" else 1)
    return graded(
        "rnn", "2 a 3", str(size), *states,
        call=lambda m, x, w, *s: m.rnn(
            x, w, *s, mode=mode, state_size=2, num_layers=1, bidirectional=both, state_outputs=True
        ),
    )  # fmt: skip


RECURRENT = [
    recurrent(mode, both)
    for mode in ("rnn_relu", "rnn_tanh", "gru", "lstm") for both in (False, True)
] + [
    graded("ctc_loss", "5 2 4", call=lambda m, x: m.ctc_loss(
        x, numpy.array([[1, 2], [3, 0]], "float32"))),
    graded("ctc_loss", "6 2 4", call=lambda m, x: m.ctc_loss(
        x, numpy.array([[1, 1], [2, 0]], "float32"), numpy.array([6.0, 4.0], "float32"),
        numpy.array([2.0, 1.0], "float32"), use_data_lengths=True, use_label_lengths=True)),
]  # fmt: skip
SEQUENCES = [
    graded(name, "4 3 a", call=lambda m, x, name=name: getattr(m, name)(
        x, whole(1, 4, 2), use_sequence_length=True))
    for name in ("sequence_mask", "sequence_last", "sequence_reverse")
] + [
    Case("npx.sequence_mask", ("3 4 a",), rtol=1e-6,
         call=lambda m, x: m.sequence_mask(x, whole(1, 4, 2), True, -7.0, 1),
         reference=lambda x: numpy.where(
             (numpy.arange(4) < numpy.array([[1], [4], [2]]))[:, :, None], x, -7)),
    graded("softmax", "2 4", call=lambda m, x: m.softmax(x, length=whole(1, 3), use_length=True)),
    graded("masked_log_softmax", "a 3", call=lambda m, x: m.masked_softmax(
        x, numpy.array([True, False, True])) + m.relu(m.masked_log_softmax(x, x > -9))),
    Case("npx.masked_log_softmax", ("a b",), call=lambda m, x: m.masked_log_softmax(x, x > -9),
         reference=lambda x: x - numpy.log(numpy.exp(x).sum(-1, keepdims=True))),
]  # fmt: skip
ATTENTION = [
    graded("interleaved_matmul_selfatt_qk", "a b 12",
           call=lambda m, x: m.interleaved_matmul_selfatt_qk(x, heads=2)),
    graded("interleaved_matmul_selfatt_valatt", "a b 12", "4 a a", call=lambda m, x, w: (
        m.interleaved_matmul_selfatt_valatt(x[:, :1][:, [0, 0]], w, heads=2))),
    graded("interleaved_matmul_encdec_qk", "a c 6", "b c 12",
           call=lambda m, q, kv: m.interleaved_matmul_encdec_qk(q, kv, heads=2)),
    graded("interleaved_matmul_encdec_valatt", "b 2 8", "4 a b",
           call=lambda m, kv, w: m.interleaved_matmul_encdec_valatt(kv, w, heads=2)),
    graded("sldwin_atten_score", "a 5 2 3", "a 5 2 3",
           call=lambda m, q, k: m.sldwin_atten_score(q, k, whole(1, 2), w=1, symmetric=True)),
    graded("sldwin_atten_context", "a 5 2 2", "a 5 2 3",
           call=lambda m, s, v: m.sldwin_atten_context(s, v, whole(1, 2), w=1, symmetric=False)),
]  # fmt: skip
LAYERS = [
    graded("embedding", "4 a", call=lambda m, w: m.embedding(whole(1, 1, 3), w, 4, w.shape[1])),
    graded("batch_norm", "a 3 b", "3", "3", least=2, call=lambda m, x, g, b: m.batch_norm(
        x, g, b, 0 * g, 0 * g + 1, fix_gamma=False)),
    graded("sync_batch_norm", "a 3 b", "3", "3", least=2,
           call=lambda m, x, g, b: m.sync_batch_norm(
               x, g, b, (0 * g).detach(), (0 * g + 1).detach(), fix_gamma=False, ndev=1, key="k")),
    Case("npx.sync_batch_norm", ("a 3 b",), call=lambda m, x: m.sync_batch_norm(
        x, *(numpy.full(3, v, x.dtype) for v in (2, 1, 0.5, 4)), fix_gamma=False, eps=0.0),
         reference=lambda x: (x - 0.5) + 1),
    graded("deformable_convolution", "a 2 4 4", "a 8 3 3", "3 2 2 2", low=0.1, high=0.4,
           call=lambda m, x, o, w: m.deformable_convolution(
               x, o, w, kernel=(2, 2), num_filter=3, no_bias=True)),
    graded("modulated_deformable_convolution", "a 2 4 4", "a 8 3 3", "a 4 3 3", "3 2 2 2",
           low=0.1, high=0.4, call=lambda m, x, o, k, w: m.modulated_deformable_convolution(
               x, o, k, w, kernel=(2, 2), num_filter=3, no_bias=True)),
    graded("roi_pooling", "1 a 6 6", call=lambda m, x: m.roi_pooling(
        x, numpy.array([[0, 0, 0, 4, 4]], x.dtype), (2, 2), 1.0)),
    *(Case("npx.pooling", ("a b 6",), {"kernel": (2,), "pool_type": t, "p_value": 2},
           compared=False, compiled=False) for t in ("max", "avg", "lp")),
    graded("deconvolution", "a 2 n", "2 3 3", least=3, call=lambda m, x, w: m.deconvolution(
        x, w, kernel=(3,), num_filter=3, no_bias=True)),
    graded("convolution", "a 1 4 4 4", "2 1 2 2 2", call=lambda m, x, w: m.convolution(
        x, w, kernel=(2, 2, 2), num_filter=2, no_bias=True)),
    graded("leaky_relu", "a 3 b", "3",
           call=lambda m, x, g: m.leaky_relu(x, g, act_type="prelu")),
]  # fmt: skip
LOOPS = [
    graded("foreach", "3 a", "a", compiled=True,
           call=lambda m, x, h: m.foreach(lambda d, s: (d * s, s + d), x, h)),
    graded("while_loop", "a", call=lambda m, x: m.while_loop(
        lambda i, v: i < 3, lambda i, v: (v * v, (i + 1, v + v)), (whole(0), x), 4)),
    graded("cond", "a", compiled=True, call=lambda m, x: m.cond(
        lambda v: v.sum() > 0, lambda v: v * v, lambda v: v - 3, [x])),
]  # fmt: skip


def added(m: Any, x: Any, y: Any) -> Any:
    """Quantized numbers between -1 and 1, added, as numbers again."""
    ends = (numpy.array([v], "float32") for v in (-1, 1, -1, 1))
    total, _, high = m.quantized_npi_add(*((127 * v).astype("int8") for v in (x, y)), *ends)
    return total.astype("float32") * high.item() / 2147483647


OTHERS = [
    Case("npx.quantized_npi_add", ("a b", "a b"), graded=False, compiled=False, edges=False,
         halves=False, low=-1, high=1, rtol=0.02, call=added,
         reference=lambda *xs: sum((127 * v).astype("int8").astype("float32") / 127 for v in xs)),
    Case("npx.cpu_pinned", (), graded=False, compiled=False,
         call=lambda m: str(m.cpu_pinned()) == "cpu_pinned(0)", reference=lambda: True),
]  # fmt: skip

CASES = (*RECURRENT, *SEQUENCES, *ATTENTION, *LAYERS, *LOOPS, *OTHERS)
