"""Matrices: factors, inverses, triangles; of MXNet 1 (`linalg_*`) and of NumPy's names."""

from __future__ import annotations

from typing import Any

import numpy

from baryon import np
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, number, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.ops.shapes import write_shape

_MOST_ROWS = 1 << 9
"""Of matrices that are made of their diagonal or triangle, by a product with ones at its places."""


def _turned(x: ndarray) -> ndarray:
    return np.swapaxes(x, -1, -2)


def _from_factor(l: ndarray) -> ndarray:  # noqa: E741, MXNet's name
    """The inverse of l lT, from l."""
    inverse = np.linalg.inv(np.tril(l))
    return np.matmul(_turned(inverse), inverse)


def _cholesky(node: Node, a: ndarray) -> ndarray:
    return np.linalg.cholesky(a, upper=not node.get(flag("lower", True)))


def _triangle(node: Node, a: ndarray) -> ndarray:
    """The triangle of a product's or system's matrix, turned if the node says so."""
    part = np.tril(a) if node.get(flag("lower", True)) else np.triu(a)
    return _turned(part) if node.get(flag("transpose", False)) else part


def _trmm(node: Node, a: ndarray, b: ndarray) -> ndarray:
    factor = _triangle(node, a)
    on_right = node.get(flag("rightside", False))
    product = np.matmul(b, factor) if on_right else np.matmul(factor, b)
    return np.multiply(product, node.get(number("alpha", 1.0)))


def _trsm(node: Node, a: ndarray, b: ndarray) -> ndarray:
    """x of factor x = alpha b, or of x factor = alpha b."""
    factor, scaled = _triangle(node, a), np.multiply(b, node.get(number("alpha", 1.0)))
    if node.get(flag("rightside", False)):
        return _turned(np.linalg.solve(_turned(factor), _turned(scaled)))
    return np.linalg.solve(factor, scaled)


def _extract_diagonal(node: Node, a: ndarray) -> ndarray:
    return np.diagonal(a, node.get(integer("offset", 0)), -2, -1)


def _make_diagonal(node: Node, x: ndarray) -> ndarray:
    offset, size = _offset(node), int(str(x.shape[-1]))
    places = numpy.zeros((size, size + abs(offset), size + abs(offset)), numpy.float32)
    at = numpy.arange(size)
    places[at, at + max(-offset, 0), at + max(offset, 0)] = 1
    return _spread(x, places)


def _offset(node: Node) -> int:
    """How far a diagonal is from the main one."""
    found: int = node.get(integer("offset", 0))
    if abs(found) > _MOST_ROWS:
        raise node.unsupported(f"offset={found}, {_MOST_ROWS} at most")
    return found


def _spread(x: ndarray, places: numpy.ndarray[Any, Any]) -> ndarray:
    """x (..., K) put at the ones of places (K, n, n)."""
    flat = np.matmul(x, np.array(places.reshape(len(places), -1), dtype=x.dtype))
    return np.reshape(flat, write_shape((*x.shape[:-1], *places.shape[1:])))


def _triangle_places(node: Node, size: int) -> tuple[Any, Any]:
    """Rows and columns of a triangle's elements: of a lower one by rows, of an upper by columns."""
    offset, lower = _offset(node), node.get(flag("lower", True))
    if offset < 0 or (not offset and lower):
        return numpy.tril_indices(size, offset)
    columns, rows = numpy.tril_indices(size, -offset)
    return rows, columns


def _extract_triangle(node: Node, a: ndarray) -> ndarray:
    size = int(str(a.shape[-1]))
    rows, columns = _triangle_places(node, size)
    flat = np.reshape(a, (*write_shape(a.shape[:-2]), size * size))
    return np.take(flat, np.array((rows * size + columns).astype(numpy.int32)), axis=-1)


def _make_triangle(node: Node, x: ndarray) -> ndarray:
    count, offset = int(str(x.shape[-1])), abs(_offset(node))
    size = int((numpy.sqrt(8 * count + 1) - 1) / 2) + offset
    if size > _MOST_ROWS:
        raise node.unsupported(f"a matrix of {size} rows, {_MOST_ROWS} at most")
    rows, columns = _triangle_places(node, size)
    if len(rows) != count:
        raise node.unsupported(f"{count} elements are no triangle")
    places = numpy.zeros((count, size, size), numpy.float32)
    places[numpy.arange(count), rows, columns] = 1
    return _spread(x, places)


def _sum_log_diagonal(a: ndarray) -> ndarray:
    return np.sum(np.log(np.diagonal(a, 0, -2, -1)), axis=-1)


def _eigen(node: Node, a: ndarray) -> tuple[ndarray, ...]:
    return np.linalg.eigh(a, UPLO=node.get(text("UPLO", "L")))


def _eigenvalues(node: Node, a: ndarray) -> ndarray:
    return np.linalg.eigvalsh(a, UPLO=node.get(text("UPLO", "L")))


def _pinv(node: Node, a: ndarray) -> ndarray:
    rcond = node.get(number("rcond", 1e-15))
    return np.linalg.pinv(a, hermitian=bool(node.get(flag("hermitian", False))), rcond=rcond)


def _tensorsolve(node: Node, a: ndarray, b: ndarray) -> ndarray:
    return np.linalg.tensorsolve(a, b, node.get(whole("a_axes", ())) or None)


OPS = (
    direct("_linalg_det linalg_det _npi_det", np.linalg.det),
    direct("_linalg_slogdet linalg_slogdet _npi_slogdet", np.linalg.slogdet),
    direct("_linalg_inverse linalg_inverse _npi_inv", np.linalg.inv),
    direct("_linalg_potrf linalg_potrf", np.linalg.cholesky),
    direct("_linalg_potri linalg_potri", _from_factor),
    op("_npi_cholesky", _cholesky),
    op("_linalg_trmm linalg_trmm", _trmm),
    op("_linalg_trsm linalg_trsm", _trsm),
    op("_linalg_extractdiag linalg_extractdiag", _extract_diagonal),
    op("_linalg_makediag linalg_makediag", _make_diagonal),
    op("_linalg_extracttrian linalg_extracttrian", _extract_triangle),
    op("_linalg_maketrian linalg_maketrian", _make_triangle),
    direct("_linalg_sumlogdiag linalg_sumlogdiag", _sum_log_diagonal),
    direct("_npi_solve", np.linalg.solve),
    op("_npi_eigh", _eigen),
    op("_npi_eigvalsh", _eigenvalues),
    direct("_npi_qr", np.linalg.qr),
    direct("_npi_svd", np.linalg.svd),
    op("_npi_pinv_scalar_rcond", _pinv),
    direct("_npi_tensorinv", np.linalg.tensorinv, ind=integer("ind", 2)),
    op("_npi_tensorsolve", _tensorsolve),
    direct("_npi_cross", np.cross, axisa=integer("axisa", -1), axisb=integer("axisb", -1),
           axisc=integer("axisc", -1)),
    direct("_npi_trace _np_trace", np.trace, offset=integer("offset", 0),
           axis1=integer("axis1", 0), axis2=integer("axis2", 1)),
    direct("_npi_kron", np.kron),
    direct("_npi_diagflat _np_diagflat", np.diagflat, k=integer("k", 0)),
)  # fmt: skip
