"""Products and decompositions."""

from __future__ import annotations

import numpy

from functions.case import Case


def square(name: str, **more: object) -> Case:
    """On well-conditioned matrices: a drawn one and four times the identity."""
    keywords: dict[str, object] = {"compiled": False, "rtol": 1e-4, **more}
    return Case(
        f"np.linalg.{name}", ("a 3 3",),
        call=lambda m, x: getattr(m, name)(x + 4 * numpy.eye(3, dtype=x.dtype)),
        **keywords,  # type: ignore[arg-type]
    )  # fmt: skip


PRODUCTS = [
    Case("np.dot", ("a b", "b c")), Case("np.dot", ("a", "a")), Case("np.dot", ("a b", "b")),
    Case("np.dot", ("a b c", "c d")),
    Case("np.matmul", ("a b", "b c")), Case("np.matmul", ("d a b", "d b c")),
    Case("np.matmul", ("d a b", "b c")),
    Case("np.vdot", ("a b", "a b")), Case("np.inner", ("a b", "c b")), Case("np.outer", ("a", "b")),
    Case("np.tensordot", ("a b c", "b c d"), {"axes": 2}),
    Case("np.tensordot", ("a b c", "d b"), {"axes": ((1,), (1,))}),
    Case("np.kron", ("a b", "c d")),
    *(Case("np.einsum", shapes, call=lambda m, *xs, text=text: m.einsum(text, *xs))
      for text, shapes in {
          "ij,jk->ik": ("a b", "b c"), "ijk->kji": ("a b c",), "ii->i": ("a a",),
          "bij,bjk->bik": ("n a b", "n b c"), "ij->": ("a b",), "i,j->ij": ("a", "b"),
          "bhqd,bhkd->bhqk": ("a b c d", "a b e d"),
      }.items()),
]  # fmt: skip
DECOMPOSITIONS = [
    square("inv"), square("det"), square("slogdet", graded=False), square("pinv"),
    square("norm"), square("matrix_rank", graded=False), square("cond", graded=False),
    Case("np.linalg.norm", ("a b",), {"axis": 1}), Case("np.linalg.norm", ("a b",)),
    Case("np.linalg.norm", ("a b",), {"ord": "fro"}),
    Case("np.linalg.norm", ("a b",), {"ord": numpy.inf, "axis": 0}, edges=False),
    Case("np.linalg.cholesky", ("3 3",), compiled=False, rtol=1e-4,
         call=lambda m, x: m.cholesky(numpy.eye(3, dtype=x.dtype) * 9 + x @ x.T)),
    Case("np.linalg.solve", ("3 3", "3 b"), compiled=False, rtol=1e-4,
         call=lambda m, x, y: m.solve(x + 5 * numpy.eye(3, dtype=x.dtype), y)),
    Case("np.linalg.eigvalsh", ("3 3",), compiled=False, rtol=1e-4,
         call=lambda m, x: m.eigvalsh(x + x.T)),
    Case("np.linalg.multi_dot", ("a b", "b c", "c d"), graded=False, compiled=False,
         call=lambda m, *xs: m.multi_dot(list(xs))),
    Case("np.linalg.matrix_power", ("3 3",), {"n": 3}, graded=False, compiled=False),
    Case("np.linalg.tensorinv", ("4 4",), {"ind": 1}, compiled=False, graded=False, rtol=1e-3,
         call=lambda m, x: m.tensorinv(x + 4 * numpy.eye(4, dtype=x.dtype), ind=1)),
    Case("np.linalg.matrix_transpose", ("a b c",), reference=lambda x: x.swapaxes(1, 2)),
    Case("np.linalg.vector_norm", ("a b",), {"axis": 1},
         reference=lambda x: numpy.linalg.norm(x, axis=1)),
    Case("np.linalg.outer", ("a", "b")), Case("np.linalg.tensordot", ("a b", "b c"), {"axes": 1}),
    Case("np.linalg.vecdot", ("a b", "a b"), reference=lambda x, y: (x * y).sum(-1)),
    Case("np.linalg.diagonal", ("a b b",), reference=lambda x: x.diagonal(axis1=1, axis2=2)),
    Case("np.linalg.trace", ("a b b",), reference=lambda x: x.trace(axis1=1, axis2=2)),
    Case("np.linalg.cross", ("a 3", "a 3")),
]  # fmt: skip

CASES = (*PRODUCTS, *DECOMPOSITIONS)
