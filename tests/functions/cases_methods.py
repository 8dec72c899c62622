"""Methods and attributes of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from functions.case import Case


def method(name: str, *shapes: str, **keywords: Any) -> Case:
    """A method that NumPy's arrays have too."""
    return Case(f"np.ndarray.{name}", shapes or ("a b",), keywords, kinds="fi")


def said(
    name: str, call: Callable[..., Any], reference: Callable[..., Any] | None = None,
    shapes: tuple[str, ...] = ("a b",), **more: Any,
) -> Case:  # fmt: skip
    """What an expression of arrays gives; `reference` where NumPy writes it otherwise."""
    return Case(f"np.ndarray.{name}", shapes, call=lambda m, *xs: call(*xs),
                reference=reference or call, **{"kinds": "fi", **more})  # fmt: skip


FACTS: dict[str, Any] = {"graded": False, "compiled": False}

METHODS = [
    *(method(n) for n in (
        "sum", "mean", "max", "min", "std", "var", "prod", "cumsum", "flatten", "copy", "diagonal",
    )),
    *(Case(f"np.ndarray.{n}", ("a b",), kinds="fib", graded=False)
      for n in ("all", "any", "argmax", "argmin")),
    Case("np.ndarray.argsort", ("a b",), graded=False),
    Case("np.ndarray.nonzero", ("a b",), kinds="fib", graded=False),
    *(method(n, "a b c", axis=1, keepdims=True) for n in ("sum", "mean", "max", "prod")),
    method("round", decimals=1),
    method("squeeze", "a 1 b", axis=1), method("repeat", repeats=2, axis=0),
    method("cumsum", axis=1),
]  # fmt: skip
EXPRESSIONS = [
    said("swapaxes", lambda x: x.swapaxes(0, 2), shapes=("a b c",)),
    said("T", lambda x: x.T), said("mT", lambda x: x.mT, shapes=("a b c",)),
    said("transpose", lambda x: x.transpose(2, 0, 1), shapes=("a b c",)),
    said("reshape", lambda x: x.reshape(2, -1), shapes=("4 a",)),
    said("reshape", lambda x: x.reshape(-2, -1), lambda x: x, compiled=False, edges=False),
    said("reshape_view", lambda x: x.reshape_view(-1), lambda x: x.ravel(), **FACTS),
    said("broadcast_to", lambda x: x.broadcast_to((3, x.shape[1])),
         lambda x: numpy.broadcast_to(x, (3, x.shape[1])), shapes=("1 a",)),
    said("tile", lambda x: x.tile((2, 1)), lambda x: numpy.tile(x, (2, 1))),
    said("sort", lambda x: x.sort(axis=0), lambda x: numpy.sort(x, axis=0)),
    said("sort", lambda x: x.sort(descending=True), lambda x: -numpy.sort(-x)),
    said("clip", lambda x: x.clip(-0.5, 1.0), kinds="f"),
    said("clip", lambda x: x.clip(min=0)),
    said("dot", lambda x, y: x.dot(y), shapes=("a b", "b c"), kinds="f"),
    said("take", lambda x: x.take(numpy.array([0, 0, 1]), axis=1), least=2),
    said("astype", lambda x: x.astype("float64"), graded=False),
    said("astype", lambda x: x.astype("int32"), kinds="fib", graded=False),
    said("astype", lambda x: x.astype("bool"), graded=False),
    said("detach", lambda x: x.detach(), lambda x: x, graded=False),
    said("std", lambda x: x.std(axis=0, correction=1), lambda x: x.std(0, ddof=1), least=2,
         kinds="f"),
    said("var", lambda x: x.var(axis=1, correction=1), lambda x: x.var(1, ddof=1), least=2,
         kinds="f"),
]  # fmt: skip
NUMBERS = [
    said("shape", lambda x: x.shape, **FACTS), said("ndim", lambda x: x.ndim, **FACTS),
    said("size", lambda x: x.size, **FACTS),
    said("dtype", lambda x: x.dtype.kind in "iuf", **FACTS),
    said("item", lambda x: x.item(0), **FACTS), said("item", lambda x: x.item(0, 0), **FACTS),
    said("tolist", lambda x: x.tolist(), **FACTS),
    said("asnumpy", lambda x: x.asnumpy(), lambda x: x, **FACTS),
    said("as_np_ndarray", lambda x: x.as_np_ndarray(), lambda x: x, **FACTS),
    said("wait_to_read", lambda x: x.wait_to_read() is None, lambda x: True, **FACTS),
    said("device", lambda x: str(x.device) == "cpu(0)", lambda x: True, **FACTS),
    said("ctx", lambda x: str(x.ctx) == "cpu(0)", lambda x: True, **FACTS),
    said("context", lambda x: str(x.context) == "cpu(0)", lambda x: True, **FACTS),
    said("drop_grad", lambda x: (x.attach_grad(), x.drop_grad(), x.grad is None)[2],
         lambda x: True, **{**FACTS, "kinds": "f"}),
    said("stype", lambda x: x.stype == "default", lambda x: True, **FACTS),
    *(said(n, lambda x, n=n: getattr(x, n)(x.device), lambda x: x, **FACTS)
      for n in ("to_device", "as_in_ctx", "as_in_context", "copyto")),
    said("copyto", lambda x: x.copyto(x + 1), lambda x: x, **FACTS),
    said("slice_assign", lambda x: x.slice_assign(x[:1] * 3, (0, 0), (1, None), ()),
         lambda x: numpy.concatenate([x[:1] * 3, x[1:]]), **FACTS),
    said("slice_assign_scalar", lambda x: x.slice_assign_scalar(7, (1,), (None,), (2,)),
         lambda x: numpy.where(numpy.arange(len(x))[:, None] % 2, 7, x).astype(x.dtype), **FACTS),
]  # fmt: skip

CASES = (*METHODS, *EXPRESSIONS, *NUMBERS)
