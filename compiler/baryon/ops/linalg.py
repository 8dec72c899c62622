"""Decompositions and solutions of linear systems, on stacks of matrices (..., m, n).

They are LAPACK's and run on the host; only determinants have a kernel. Gradients: Giles, An
extended collection of matrix derivative results (2008); of decompositions also Townsend,
Differentiating the singular value decomposition (2016), and Walter and Lehmann, Algorithmic
differentiation of linear algebra functions (2012).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType, UnsupportedError, Value
from baryon.ops.attributes import Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, sum_to, swap_last
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import Absent, Lowering, OpDef, Sample, absent, kernel
from baryon.ops.shapes import broadcast, fail, need_float, static_dim, text

_HOST = absent("LAPACK runs on the host")
_UPPER = Param("upper", "bool", False, "read the upper triangle instead of the lower one")
_SQUARE = (
    Sample(((3, 3),)),
    Sample(((2, 3, 3),), dtypes=("f64",), batch=(0,)),
    Sample(((0, 2, 2),)),
)
_ANY_SHAPE = (
    Sample(((3, 3),), dtypes=("f64",)),
    Sample(((2, 4, 3),), batch=(0,)),
    Sample(((2, 3, 4),), batch=(0,)),
)


def _matrix(op: str, a: TensorType) -> tuple[tuple[Dim, ...], Dim, Dim]:
    """The axes of the stack, rows and columns."""
    need_float(op, a=a)
    if a.rank < 2:
        fail(op, f"a must be a matrix or a stack of them, not {a}")
    return a.shape[:-2], a.shape[-2], a.shape[-1]


def _square(op: str, a: TensorType) -> tuple[tuple[Dim, ...], int]:
    stack, rows, columns = _matrix(op, a)
    if rows != columns:
        fail(op, f"matrices must be square, not {text(a.shape)}")
    return stack, static_dim(op, rows, "the size of matrices")


def _eye(x: Value) -> Any:
    """The identity as a constant of the last axis's size."""
    return np.eye(static_dim("gradient", x.type.shape[-1], "columns"), dtype=x.type.dtype.numpy)


def _column(o: Recorder, x: Value) -> Value:
    """A vector as a column, ready to broadcast."""
    column: Value = o.np.expand_dims(x, axis=-1)
    return column


def _row(o: Recorder, x: Value) -> Value:
    row: Value = o.np.expand_dims(x, axis=-2)
    return row


def _chain(o: Recorder, *factors: Any) -> Any:
    """The product of matrices."""
    product = factors[0]
    for factor in factors[1:]:
        product = o.np.matmul(product, factor)
    return product


def _lower(o: Recorder, x: Any, diagonal: float) -> Any:
    """The lower triangle, its diagonal times a number."""
    size = static_dim("gradient", x.type.shape[-1], "columns")
    mask = np.tril(np.ones((size, size)), -1) + diagonal * np.eye(size)
    return o.np.multiply(x, mask.astype(x.type.dtype.numpy))


def _gaps(o: Recorder, values: Any) -> Any:
    """1 / (values[j] - values[i]) off the diagonal, 0 on it."""
    eye = _eye(values)
    gaps = o.np.add(o.np.subtract(_row(o, values), _column(o, values)), eye)
    return o.np.divide(1 - eye, gaps)


def _op(
    name: str, doc: str, infer: Any, reference: Callable[..., Any], gradient: Any, samples: Any,
    params: tuple[Param, ...] = (), operands: tuple[str, ...] = ("a",),
    lowering: Lowering | Absent = _HOST,
) -> OpDef:  # fmt: skip
    return OpDef(
        name=f"ir.linalg_{name}",
        doc=f"{doc}\n\nIRTypeError for operands that do not float or do not fit; NumPy's "
        "LinAlgError where there is no answer.",
        operands=operands,
        params=params,
        infer=infer,
        reference=rounded(reference),
        gradient=gradient,
        lowering=lowering,
        samples=samples,
        source=f"numpy.linalg.{name}",
    )


def _inv_infer(a: TensorType) -> TensorType:
    _square("ir.linalg_inv", a)
    return a


def _inv_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    turned = swap_last(o, y[0])
    return [o.np.negative(_chain(o, turned, g[0], turned))]


inv = _op("inv", "The inverses of matrices.", _inv_infer, np.linalg.inv, _inv_grad, _SQUARE)


def _det_infer(a: TensorType) -> TensorType:
    stack, _ = _square("ir.linalg_det", a)
    return a.with_shape(stack)


def _spread(o: Recorder, x: Any) -> Any:
    """A number for each matrix, ready to broadcast over it."""
    return o.np.expand_dims(x, axis=(-2, -1))


def _det_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    scale = _spread(o, o.np.multiply(g[0], y[0]))
    return [o.np.multiply(scale, swap_last(o, o.ir.linalg_inv(x[0])))]


det = _op(
    "det", "The determinants of matrices. Singular ones have no gradient.", _det_infer,
    np.linalg.det, _det_grad, _SQUARE, lowering=kernel("determinant"),
)  # fmt: skip


def _slogdet_infer(a: TensorType) -> tuple[TensorType, TensorType]:
    stack, _ = _square("ir.linalg_slogdet", a)
    return a.with_shape(stack), a.with_shape(stack)


def _slogdet_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(_spread(o, g[1]), swap_last(o, o.ir.linalg_inv(x[0])))]


slogdet = _op(
    "slogdet", "The sign of determinants and the logarithm of their size.", _slogdet_infer,
    lambda a: tuple(np.linalg.slogdet(a)), _slogdet_grad, _SQUARE,
)  # fmt: skip


def _solve_infer(a: TensorType, b: TensorType) -> TensorType:
    op = "ir.linalg_solve"
    need_float(op, a=a, b=b)
    stack, size = _square(op, a)
    if b.rank == 0 or b.shape[max(b.rank - 2, 0)] != size:
        fail(op, f"a of {text(a.shape)} and b of {text(b.shape)} do not fit")
    if b.rank == 1:
        return a.with_shape((*stack, size))
    return a.with_shape((*broadcast(op, stack, b.shape[:-2]), size, b.shape[-1]))


def _solve_ref(a: Arr, b: Arr) -> Any:
    return np.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else np.linalg.solve(a, b)


def _solve_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    vector = x[1].type.rank == 1
    grad, found = (_column(o, v) if vector else v for v in (g[0], y[0]))
    back = o.ir.linalg_solve(swap_last(o, x[0]), grad)
    da = o.np.negative(_chain(o, back, swap_last(o, found)))
    db = o.np.squeeze(back, axis=-1) if vector else back
    return [sum_to(o, da, x[0]), sum_to(o, db, x[1])]


solve = _op(
    "solve", "x of a x = b; b is one vector, or a matrix or stack of them.", _solve_infer,
    _solve_ref, _solve_grad,
    (
        Sample(((3, 3), (3, 2)), dtypes=("f64",)),
        Sample(((2, 3, 3), (3, 2)), batch=(0,)),
        Sample(((2, 3, 3), (3,)), batch=(0,)),
        Sample(((3, 3), (2, 3, 1)), batch=(1,)),
    ),
    operands=("a", "b"),
)  # fmt: skip


def _cholesky_infer(a: TensorType, upper: bool) -> TensorType:
    _square("ir.linalg_cholesky", a)
    return a


def _cholesky_ref(a: Arr, upper: bool) -> Any:
    lower = np.linalg.cholesky(a.swapaxes(-1, -2) if upper else a)
    return lower.swapaxes(-1, -2) if upper else lower


def _cholesky_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    factor, grad = (swap_last(o, v) if attrs["upper"] else v for v in (y[0], g[0]))
    inverse = o.ir.linalg_inv(factor)
    middle = _lower(o, _chain(o, swap_last(o, factor), grad), 0.5)
    whole = _chain(o, swap_last(o, inverse), middle, inverse)
    return [o.np.multiply(o.np.add(whole, swap_last(o, whole)), 0.5)]


_DEFINITE = absent("random matrices are not positive definite; tests/ops/test_linalg.py")
cholesky = _op(
    "cholesky", "The triangular factor l of symmetric positive definite matrices: l lT (upper: "
    "uT u).\n\nOne triangle is read; the gradient is the symmetric one.", _cholesky_infer,
    _cholesky_ref, _cholesky_grad, _DEFINITE, (_UPPER,),
)  # fmt: skip


def _eigh_infer(a: TensorType, upper: bool) -> tuple[TensorType, TensorType]:
    _square("ir.linalg_eigh", a)
    return a.with_shape(a.shape[:-1]), a


def _eigh_ref(a: Arr, upper: bool) -> Any:
    return tuple(np.linalg.eigh(a, "U" if upper else "L"))


def _eigh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    values, vectors = y
    turned = swap_last(o, vectors)
    mixed = o.np.multiply(_chain(o, turned, g[1]), _gaps(o, values))
    middle = o.np.add(mixed, o.np.multiply(_row(o, g[0]), _eye(values)))
    whole = _chain(o, vectors, middle, turned)
    return [o.np.multiply(o.np.add(whole, swap_last(o, whole)), 0.5)]


eigh = _op(
    "eigh", "Eigenvalues, ascending, and eigenvectors, in columns, of symmetric matrices.\n\n"
    "One triangle is read; the gradient is the symmetric one, and that of vectors is infinite "
    "where eigenvalues are equal.", _eigh_infer, _eigh_ref, _eigh_grad,
    absent("the gradient holds for symmetric matrices; tests/ops/test_linalg.py"), (_UPPER,),
)  # fmt: skip


def _eig_infer(a: TensorType) -> tuple[TensorType, TensorType]:
    _square("ir.linalg_eig", a)
    return a.with_shape(a.shape[:-1]), a


def _eig_ref(a: Arr) -> Any:
    found = tuple(np.linalg.eig(a))
    if any(np.iscomplexobj(x) for x in found):
        raise UnsupportedError(
            "np.linalg.eig: the eigenvalues are complex, and arrays hold real numbers only",
            hint="use np.linalg.eigh for symmetric matrices, or numpy.linalg.eig(a.asnumpy())",
        )
    return found


def _eig_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    values, vectors = y
    turned, eye = swap_last(o, vectors), _eye(values)
    along = _chain(o, turned, g[1])
    kept = _row(o, o.np.sum(o.np.multiply(along, eye), axis=-2))  # vectors keep their length
    moved = o.np.subtract(along, o.np.multiply(_chain(o, turned, vectors), kept))
    middle = o.np.add(o.np.multiply(moved, _gaps(o, values)), o.np.multiply(_row(o, g[0]), eye))
    return [_chain(o, o.ir.linalg_inv(turned), middle, turned)]


eig = _op(
    "eig", "Eigenvalues and eigenvectors, in columns of length 1, of matrices.\n\n"
    "UnsupportedError where they are complex.", _eig_infer, _eig_ref, _eig_grad,
    absent("random matrices have complex eigenvalues; tests/ops/test_linalg.py"),
)  # fmt: skip


def _svd_infer(a: TensorType) -> tuple[TensorType, ...]:
    stack, rows, columns = _matrix("ir.linalg_svd", a)
    m, n = (static_dim("ir.linalg_svd", d, "the size of matrices") for d in (rows, columns))
    least = min(m, n)
    shapes = ((*stack, m, least), (*stack, least), (*stack, least, n))
    return tuple(map(a.with_shape, shapes))


def _svd_ref(a: Arr) -> Any:
    return tuple(np.linalg.svd(a, full_matrices=False))


def _turning(o: Recorder, vectors: Any, grad: Any, gaps: Any) -> Any:
    """How the gradient of orthonormal columns turns them among each other."""
    inner = _chain(o, swap_last(o, vectors), grad)
    return o.np.multiply(gaps, o.np.subtract(inner, swap_last(o, inner)))


def _outside(o: Recorder, vectors: Any, grad: Any) -> Any:
    """The part of a gradient that is orthogonal to all columns."""
    return o.np.subtract(grad, _chain(o, vectors, swap_last(o, vectors), grad))


def _svd_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    u, s, vt = y
    v, gv = swap_last(o, vt), swap_last(o, g[2])
    gaps = _gaps(o, o.np.square(s))
    left = o.np.multiply(_turning(o, u, g[0], gaps), _row(o, s))
    right = o.np.multiply(_turning(o, v, gv, gaps), _column(o, s))
    middle = o.np.add(o.np.add(left, right), o.np.multiply(_row(o, g[1]), _eye(s)))
    inside = _chain(o, u, middle, vt)
    beside_u = _chain(o, o.np.divide(_outside(o, u, g[0]), _row(o, s)), vt)
    beside_v = _chain(o, u, swap_last(o, o.np.divide(_outside(o, v, gv), _row(o, s))))
    return [o.np.add(inside, o.np.add(beside_u, beside_v))]


svd = _op(
    "svd", "The thin singular value decomposition u diag(s) vt; s descends.\n\nThe gradient of u "
    "and vt is infinite where singular values are equal or 0.", _svd_infer, _svd_ref, _svd_grad,
    _ANY_SHAPE,
)  # fmt: skip


def _qr_infer(a: TensorType) -> tuple[TensorType, TensorType]:
    stack, rows, columns = _matrix("ir.linalg_qr", a)
    m, n = (static_dim("ir.linalg_qr", d, "the size of matrices") for d in (rows, columns))
    return a.with_shape((*stack, m, min(m, n))), a.with_shape((*stack, min(m, n), n))


def _qr_ref(a: Arr) -> Any:
    return tuple(np.linalg.qr(a))


def _tall_qr_grad(o: Recorder, q: Any, r: Any, gq: Any, gr: Any) -> Any:
    m = o.np.subtract(_chain(o, r, swap_last(o, gr)), _chain(o, swap_last(o, gq), q))
    mirrored = o.np.add(_lower(o, m, 1.0), swap_last(o, _lower(o, m, 0.0)))
    right = o.np.add(gq, _chain(o, q, mirrored))
    return _chain(o, right, swap_last(o, o.ir.linalg_inv(r)))


def _columns(o: Recorder, x: Any, begin: int, end: int) -> Any:
    rank = x.type.rank
    return o.npx.slice(
        x, begin=(*[0] * (rank - 1), begin), end=(*[1 << 31] * (rank - 1), end), step=(1,) * rank
    )


def _qr_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    q, r = y
    rows, columns = x[0].type.shape[-2:]
    m, n = (static_dim("gradient", d, "the size of matrices") for d in (rows, columns))
    if m >= n:
        return [_tall_qr_grad(o, q, r, g[0], g[1])]
    # a wide matrix is a square one beside columns that q turns into those of r
    rest, g_square, g_rest = (
        _columns(o, x[0], m, n),
        *(_columns(o, g[1], *span) for span in ((0, m), (m, n))),
    )
    gq = o.np.add(g[0], _chain(o, rest, swap_last(o, g_rest)))
    square = _tall_qr_grad(o, q, _columns(o, r, 0, m), gq, g_square)
    return [o.np.concatenate([square, _chain(o, q, g_rest)], axis=-1)]


qr = _op(
    "qr", "The reduced decomposition q r: orthonormal columns, upper triangle.", _qr_infer,
    _qr_ref, _qr_grad, _ANY_SHAPE,
)  # fmt: skip


def _pinv_infer(a: TensorType, rtol: float | None, hermitian: bool) -> TensorType:
    stack, rows, columns = _matrix("ir.linalg_pinv", a)
    return a.with_shape((*stack, columns, rows))


def _pinv_ref(a: Arr, rtol: float | None, hermitian: bool) -> Any:
    least = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return np.linalg.pinv(a, least, hermitian)


def _pinv_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    a, p = x[0], y[0]
    turned, grad = swap_last(o, p), swap_last(o, g[0])
    direct = _chain(o, turned, g[0], turned)
    left = _chain(o, o.np.subtract(grad, _chain(o, a, p, grad)), p, turned)
    right = _chain(o, turned, p, o.np.subtract(grad, _chain(o, grad, p, a)))
    return [o.np.subtract(o.np.add(left, right), direct)]


pinv = _op(
    "pinv", "The pseudo-inverses of matrices (Moore and Penrose).", _pinv_infer, _pinv_ref,
    _pinv_grad, _ANY_SHAPE,
    (
        Param("rtol", "float?", None, "singular values below rtol times the largest count as 0"),
        Param("hermitian", "bool", False, "matrices are symmetric"),
    ),
)  # fmt: skip

OPS = (inv, det, slogdet, solve, cholesky, eigh, eig, svd, qr, pinv)
