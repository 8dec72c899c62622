"""Arrays that no input decides, or only by its shape."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import dtype, flag, integer, number, whole
from baryon.importers.mxnet.node import Node, direct, op

_FORMS = ("int", "uint", "double")
"""The forms in which MXNet 2 exports one number, by its `value_type`."""

_MOST_ELEMENTS = 1 << 28
"""Of an array that a file asks for by its shape alone."""


def _shape(node: Node) -> tuple[int, ...]:
    """In shapes of MXNet 1 a size of 0 is open, as that of a state for any batch: 1 broadcasts."""
    given: tuple[int, ...] = node.get(whole("shape", ())) or ()
    size = 1
    for d in given:
        size *= max(d, 1)
    if size > _MOST_ELEMENTS or any(d < 0 for d in given):
        raise node.unsupported(f"an array of the shape {given}")
    return given if node.is_np_shape else tuple(d or 1 for d in given) or (1,)


def _filled(value: float) -> Any:
    def build(node: Node) -> ndarray:
        return np.full(_shape(node), value, dtype=_dtype(node))

    return build


def _dtype(node: Node) -> str:
    found: str = node.get(dtype("dtype", None)) or "float32"
    return found


def _full(node: Node) -> ndarray:
    return np.full(_shape(node), node.get(number("value")), dtype=_dtype(node))


def _np_full(node: Node) -> ndarray:
    """The number in the form that value_type names."""
    kind = node.get(integer("value_type", 0))
    values = [node.get(number(f"{name}_value", 0.0)) for name in _FORMS]
    return np.full(_shape(node), values[kind], dtype=_dtype(node))


def _arange(node: Node) -> ndarray:
    start, stop = node.get(number("start")), node.get(number("stop", None))
    step, repeat = node.get(number("step", 1.0)), node.get(integer("repeat", 1))
    if node.get(flag("infer_range", False)):
        raise node.unsupported("infer_range=True: the length comes from elsewhere")
    first, last = (0.0, start) if stop is None else (start, stop)
    if not step or abs((last - first) / step) > _MOST_ELEMENTS:
        raise node.unsupported(f"numbers from {first} to {last} by steps of {step}")
    found = np.arange(first, last, step, dtype=_dtype(node))
    return found if repeat == 1 else np.repeat(found, repeat, axis=0)


def _eye(node: Node) -> ndarray:
    rows, columns = node.get(integer("N")), node.get(integer("M", None))
    if max(rows, columns or 0) > 1 << 14:
        raise node.unsupported(f"a matrix of {rows} rows")
    return np.eye(rows, columns or None, node.get(integer("k", 0)), dtype=_dtype(node))


def _identity(node: Node) -> ndarray:
    shape = _shape(node)
    return np.eye(shape[0], shape[1], dtype=_dtype(node))


def _linspace(node: Node) -> ndarray:
    kind = _FORMS[node.get(integer("value_type", 0))]
    node.ignore(*(f"{end}_{k}" for end in ("start", "stop") for k in _FORMS))
    start, stop = (node.get(number(f"{end}_{kind}")) for end in ("start", "stop"))
    count = node.get(integer("num"))
    if not 0 <= count <= _MOST_ELEMENTS:
        raise node.unsupported(f"{count} numbers")
    end = bool(node.get(flag("endpoint", True)))
    found: ndarray = np.linspace(start, stop, count, end, dtype=_dtype(node))
    return found


def _full_like(node: Node, x: ndarray) -> ndarray:
    wanted = node.get(dtype("dtype", None))
    return np.full_like(x, node.get(number("fill_value")), dtype=wanted or x.dtype)


def _arange_like(node: Node, x: ndarray) -> ndarray:
    return npx.arange_like(
        x, node.get(number("start", 0.0)), node.get(number("step", 1.0)),
        node.get(integer("repeat", 1)), axis=node.get(integer("axis", None)),
    )  # fmt: skip


OPS = (
    op("_zeros _zeros_without_dtype _npi_zeros", _filled(0.0)),
    op("_ones _npi_ones", _filled(1.0)),
    op("_full", _full),
    op("_npi_full", _np_full),
    op("_arange _npi_arange", _arange),
    op("_eye _npi_eye", _eye),
    op("_npi_identity", _identity),
    op("_npi_linspace", _linspace),
    op("_npi_full_like", _full_like),
    op("_contrib_arange_like _npx_arange_like", _arange_like),
    direct("_npi_indices", np.indices, dimensions=whole("dimensions"),
           dtype=dtype("dtype", "int64")),
)  # fmt: skip
