"""What ops refuse, and that the message names the op and shows what was wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baryon.ir import (
    DTYPES,
    Builder,
    Dim,
    IRTypeError,
    Module,
    Region,
    Sym,
    TensorType,
    UnsupportedError,
)
from baryon.ops import TABLE, lookup, recording
from baryon.ops.vjp import append_gradients

N, M = Sym("N"), Sym("M")


def t(*shape: Dim, dtype: str = "f32") -> TensorType:
    return TensorType(shape, DTYPES[dtype])


I8, I32, F64, BOOL = ({"dtype": name} for name in ("i8", "i32", "f64", "bool"))
LIMITS = [t(1, dtype="i64"), t(1), t(1)]
K3 = {"kernel": (3, 3)}

CASES: list[tuple[str, list[TensorType], dict[str, Any], str]] = [
    ("np.add", [t(2, 3), t(4, 3)], {}, r"\(2, 3\) and \(4, 3\) do not broadcast: at axis -2"),
    ("np.add", [t(N, 3), t(M, 3)], {}, "one is N, another M"),
    ("np.add", [t(N, 3), t(2, 3)], {}, "one is N, another 2"),
    ("np.subtract", [t(**BOOL), t(**BOOL)], {}, "booleans"),
    ("np.negative", [t(2, **BOOL)], {}, "not bool"),
    ("np.clip", [t(2, **I32)], {"a_min": 0.5}, "whole numbers"),
    ("np.where", [t(2, **BOOL), t(3), t(3)], {}, "broadcast"),
    ("npx.convolution", [t(1, 3, 5), t(4, 3, 3)], K3, "kernel .3, 3. must have 1 entries"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 2, 3, 3)], K3, r"weight must have.*\(4, 3, 3, 3\)"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3), t(3)], K3, r"bias must.*\(4\).*not \(3\)"),
    ("npx.convolution", [t(1, 3, 2, 5), t(4, 3, 3, 3)], K3, "does not fit"),
    ("npx.convolution", [t(1, 3, N, 5), t(4, 3, 3, 3)], K3, "symbolic dimension N"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3, **F64)], K3, "data f32, weight f64"),
    ("npx.convolution", [t(1, 3, 5, 5, **I8), t(4, 3, 3, 3, **I8)], K3, "floating"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "num_group": 2}, "2 groups"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "num_filter": 5}, "num_filter is 5"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "layout": "NHWC"}, "one of"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "layout": "NCW"}, "layout NCW"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "pad": (1, 1, 1)}, "pad must be"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {**K3, "stride": (0, 1)}, "stride must"),
    ("npx.convolution", [t(1, 3), t(4, 3)], {"kernel": ()}, "spatial axes"),
    ("npx.convolution", [t(1, 3, 5, 5), t(4, 3, 3, 3)], {}, "kernel"),
    ("npx.deconvolution", [t(1, 3, 5, 5), t(2, 4, 3, 3)], K3, "weight must"),
    ("npx.deconvolution", [t(1, 3, 5, 5), t(3, 4, 3, 3)], {**K3, "adj": (1, 0)}, "adj must"),
    ("ir.batch_norm_train", [t(2, 3), t(2), t(2)], {}, r"gamma must have the shape \(3\)"),
    ("ir.batch_norm_train", [t(2, 3, **I32), t(3, **I32), t(3, **I32)], {}, "floating"),
    ("ir.batch_norm_gradient", [t(2, 3), *[t(3)] * 3, t(3, 2), *[t(3)] * 2], {}, "grad must have"),
    ("ir.nms", [t(2, 3), t(2, 3), t(2, 4, 4)], {}, "boxes must have"),
    ("ir.nonzero", [t()], {}, "has no axes"),
    ("ir.non_max_suppression", [t(2, 5, 4), t(2, 5), *LIMITS], {}, "batch, classes, boxes"),
    ("ir.non_max_suppression", [t(2, 4, 4), t(2, 3, 5), *LIMITS], {}, "boxes must have"),
    ("ir.non_max_suppression", [t(1, 5, 4), t(1, N, 5), *LIMITS], {}, "number of classes"),
    ("ir.non_max_suppression", [t(2, 5, 4), t(2, 3, 5), *[t(1)] * 3], {}, "limit must be one i64"),
    ("npx.bipartite_matching", [t(3)], {"threshold": 0.0}, "two axes"),
    ("npx.multibox_target", [t(1, 4, 4), t(2, 3, 5), t(2, 3, 5)], {}, "for 4 anchors"),
    ("npx.multibox_detection", [t(2, 3, 4), t(2, 12), t(1, 4, 4)], {}, "loc_pred must have"),
    (
        "ir.roi_pooling",
        [t(2, 3, 4, 4), t(5, 4)],
        {"pooled_size": (2, 2), "spatial_scale": 1.0},
        "must be .N, C, H, W. and .regions, 5.",
    ),
    ("ir.roi_align", [t(2, 3, 4, 4), t(5, 5), t(5, **I32)], {"pooled_size": (2, 2)}, "must be"),
    ("ir.roi_align", [t(2, 3, 4, 4), t(5, 4), t(5)], {"pooled_size": (2, 2)}, "whole numbers"),
    ("npx.pooling", [t(1, 2, 5, 5)], {}, "kernel is missing"),
    ("npx.pooling", [t(1, 2, 5, 5)], {"kernel": (2, 2), "pad": (2, 0)}, "smaller than the kernel"),
    ("npx.pooling", [t(1, 2, 2, 2)], K3, "does not fit"),
    ("npx.pooling", [t(1, 2, 5, 5, **I8)], {**K3, "pool_type": "avg"}, "floating"),
    ("npx.pooling", [t(1, 2, 5, 5)], {**K3, "pool_type": "lp"}, "one of"),
    ("npx.fully_connected", [t(2, 3, 4), t(5, 4)], {}, r"weight must have.*\(5, 12\)"),
    ("npx.fully_connected", [t(2, 4), t(5, 4)], {"num_hidden": 6}, "num_hidden is 6"),
    ("npx.batch_norm", [t(2, 3), t(3), t(3), t(3), t(2)], {}, "running_var must"),
    ("npx.layer_norm", [t(2, 3), t(3), t(2)], {}, "beta must"),
    ("npx.lrn", [t(3)], {"nsize": 3}, "axis 1"),
    ("npx.softmax", [t(2, 3)], {"axis": 2}, r"axis 2 is outside \[-2, 2\)"),
    ("npx.softmax", [t(2, 3)], {"temperature": 0}, "temperature must be positive"),
    ("npx.softmax", [t(2, 3, **I32)], {}, "floating"),
    ("ir.attention", [t(1, 2, 4, 3), t(1, 2, 5, 3), t(1, 2, 6, 3)], {}, "do not fit"),
    ("ir.attention", [t(1, 2, 4, 3)] * 3, {"key_axes": "bhll"}, "once each"),
    ("ir.attention", [t(1, 2, 4, 3)] * 3, {"heads": 2, "key_at": (1, 1)}, "has 2 heads, not the 2"),
    ("ir.attention", [t(1, 2, 4, 3)] * 3, {"value_at": (1,)}, r"\(first head, step\)"),
    ("ir.attention", [*[t(1, 2, 4, 3)] * 3, t(3, 4)], {}, "do not broadcast"),
    ("ir.attention", [*[t(1, 2, 4, 3)] * 3, t(4, 4, **I32)], {}, "must be bool or f32"),
    ("ir.attention", [t(1, 2, 4, 3), t(1, 2, 0, 3), t(1, 2, 0, 3)], {}, "no keys"),
    ("npx.dropout", [t(2)], {"p": 1.0}, r"p must be in \[0, 1\)"),
    ("np.matmul", [t(2, 3), t(4, 5)], {}, "3 columns meet 4 rows"),
    ("np.matmul", [t(), t(4, 5)], {}, "rank 1 or more"),
    ("np.matmul", [t(2, 3), t(3, 2, **F64)], {}, "a f32, b f64"),
    ("npx.batch_dot", [t(2, 3, 4), t(3, 4, 5)], {}, "one batch"),
    ("np.reshape", [t(2, 3)], {"newshape": (4, -1)}, "6 elements"),
    ("np.reshape", [t(2, 3)], {"newshape": (-1, -1)}, "more than one -1"),
    ("np.reshape", [t(2, 3)], {"newshape": (-2, -2, -2)}, "does not have"),
    ("np.reshape", [t(2, 3)], {"newshape": (-3, 3)}, "size 1, not 2"),
    ("np.reshape", [t(2, 3)], {"newshape": (-6, 4, -1, 3)}, "cannot split 2"),
    ("np.reshape", [t(2, 3)], {"newshape": (-7,)}, "unknown code -7"),
    ("np.reshape", [t(N, 3)], {"newshape": (4, -1)}, "3\\*N elements"),
    ("np.reshape", [t(N, 3)], {"newshape": ("3 N",)}, "not a dimension"),
    ("np.transpose", [t(2, 3)], {"axes": (0, 0)}, "once"),
    ("np.expand_dims", [t(2, 3)], {"axis": (0, 0)}, "twice"),
    ("np.squeeze", [t(2, 1)], {"axis": 0}, "size 1"),
    ("np.broadcast_to", [t(2, 3)], {"shape": (1, 3)}, "cannot be broadcast"),
    ("np.concatenate", [t(2, 3), t(2, 4)], {}, r"axis 0 only, not \(2, 3\), \(2, 4\)"),
    ("np.concatenate", [t(2, 3), t(2, 3, **F64)], {}, "one dtype"),
    ("np.concatenate", [t(N, 3), t(2, 3)], {}, "symbolic"),
    ("np.concatenate", [], {}, "nothing"),
    ("np.stack", [t(2), t(3)], {}, "equal"),
    ("np.split", [t(5)], {"indices_or_sections": 2}, "2 equal parts"),
    ("np.split", [t(N)], {"indices_or_sections": 2}, "symbolic"),
    ("npx.slice", [t(N, 3)], {"begin": (1,), "end": (2,)}, "taken whole"),
    ("npx.slice", [t(2)], {"begin": (0,), "end": (2,), "step": (0,)}, "must not be 0"),
    ("npx.slice", [t(2)], {"begin": (0, 0), "end": (2,)}, "one length"),
    ("np.take", [t(2), t(2)], {}, "whole numbers"),
    ("np.pad", [t(2)], {"pad_width": (1,)}, "pad_width must be 2"),
    ("np.pad", [t(0)], {"pad_width": (2, 0), "mode": "reflect"}, "no elements to repeat"),
    ("np.pad", [t(N)], {"pad_width": (2, 0)}, "symbolic"),
    ("npx.one_hot", [t(2)], {"depth": 3}, "whole numbers"),
    ("np.max", [t(2, 0)], {"axis": 1}, "no elements"),
    ("np.sum", [t(2, 3)], {"axis": (0, -2)}, "twice"),
    ("np.argmax", [t(2, 3)], {"axis": 2}, "outside"),
    ("np.full", [], {"shape": (-1,), "fill_value": 0}, "negative"),
    ("np.full", [], {"shape": (1,)}, "fill_value"),
    ("np.arange", [], {"start": 1, "step": 0}, "step"),
    ("npx.elman", [t(3, 2, 4), t(4, 5), t(2, 4)], {}, r"weight must have.*\(5, 5\) .1 gates"),
    ("npx.lstm", [t(3, 2, 8), t(8, 2), t(2, 2), t(2, 1)], {}, r"cell must have.*\(2, 2\)"),
    ("npx.lstm", [t(3, 8), t(8, 2), t(2, 2), t(2, 2)], {}, "must be .time, batch, gates"),
    ("npx.gru", [t(3, 2, 6), t(6, 2), t(6), t(2, 2)], {}, r"bias must have.*\(2\)"),
    ("npx.gru", [t(N, 2, 6), t(6, 2), t(2), t(2, 2)], {}, "time axis is the symbolic"),
    ("npx.elman", [t(3, 2, 4), t(4, 4), t(2, 4), t(2)], {}, "whole numbers"),
    ("npx.cast", [t(2)], {"dtype": "complex64"}, "dtype|complex64"),
]


@pytest.mark.parametrize(
    ("name", "types", "attrs", "message"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_refusals(name: str, types: list[TensorType], attrs: dict[str, Any], message: str) -> None:
    opdef = TABLE[name]
    with pytest.raises(IRTypeError, match=message) as caught:
        opdef.infer(*opdef.arrange(types), **opdef.normalize(attrs))
    if name != "npx.cast":
        assert caught.value.message.startswith(name)


def test_ops_without_a_gradient_are_named() -> None:
    region = Region([t(1, 1, 2, 2)])
    builder = Builder(Module(), region, lookup)
    o = recording(TABLE, builder)
    (x,) = region.args
    y = o.npx.pooling(x, kernel=(2, 2))
    g = o.ir.pooling_gradient(x, y, y, kernel=(2, 2))
    with pytest.raises(UnsupportedError, match=r"ir\.pooling_gradient has no gradient"):
        append_gradients(TABLE, builder, {g: x}, [x])


def test_gradients_add_up_and_skip_what_does_not_depend() -> None:
    region = Region([t(3), t(3)])
    builder = Builder(Module(), region, lookup)
    o = recording(TABLE, builder)
    x, unrelated = region.args
    y = o.np.add(o.np.multiply(x, x), o.np.where(o.np.greater(x, 0.0), x, 1.0))
    found = append_gradients(TABLE, builder, {y: unrelated}, [x, unrelated])
    assert found[0] is not None
    assert found[0].type == x.type
    assert found[1] is None


def test_half_precision_is_rounded_once() -> None:
    x = np.full((1, 1, 64), 0.1, np.float16)
    (y,) = TABLE["npx.pooling"].evaluate([x], {"global_pool": True, "pool_type": "sum"})
    assert y.dtype == np.float16
    assert y.item() == np.float16(np.float64(np.float16(0.1)) * 64)
