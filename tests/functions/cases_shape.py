"""Creation, manipulation, indexing, sorting and searching of `np`."""

from __future__ import annotations

import numpy

from functions.case import Case


def of(name: str, *shapes: str, **keywords: object) -> Case:
    return Case(f"np.{name}", shapes, keywords, kinds="fi")


CREATION = [
    Case("np.zeros_like", ("a b",), kinds="fi", graded=False),
    Case("np.ones_like", ("a b",), kinds="fi", graded=False),
    Case("np.full_like", ("a b",), {"fill_value": 3}, kinds="fi", graded=False),
    Case("np.copy", ("a b",), kinds="fi"),
    Case("np.diag", ("a",), {"k": 1}),
    Case("np.diag", ("a b",), {"k": -1}, least=2),
    Case("np.diagflat", ("a b",)),
    Case("np.meshgrid", ("a", "b", "c")),
]
MANIPULATION = [
    Case("np.shape", ("a b",), graded=False, compiled=False),
    Case("np.reshape", ("a b",), call=lambda m, x: m.reshape(x, (-1, 1, x.shape[0])), kinds="fi"),
    of("ravel", "a b"),
    of("transpose", "a b c"),
    of("transpose", "a b c", axes=(1, 2, 0)),
    Case("np.permute_dims", ("a b c",), {"axes": (2, 0, 1)},
         reference=lambda x: x.transpose(2, 0, 1)),
    of("swapaxes", "a b c", axis1=0, axis2=2),
    of("moveaxis", "a b c", source=0, destination=-1),
    of("rollaxis", "a b c", axis=2, start=0),
    of("expand_dims", "a b", axis=1),
    of("squeeze", "a 1 b 1"),
    of("squeeze", "a 1 b 1", axis=1),
    Case("np.broadcast_to", ("a 1",), call=lambda m, x: m.broadcast_to(x, (2, x.shape[0], 3))),
    of("broadcast_arrays", "a 1", "1 b"),
    of("atleast_1d", "a"), of("atleast_2d", "a"), of("atleast_3d", "a b"),
    *(Case(f"np.{n}", ("a b", "a b"), call=call, kinds="fi", reference=reference)
      for n, call, reference in (
          ("concatenate", lambda m, x, y: m.concatenate([x, y], axis=1), None),
          ("concat", lambda m, x, y: m.concat([x, y], axis=0),
           lambda x, y: numpy.concatenate([x, y])),
          ("append", lambda m, x, y: m.append(x, y, axis=0), None),
          ("stack", lambda m, x, y: m.stack([x, y], axis=1), None),
          ("vstack", lambda m, x, y: m.vstack([x, y]), None),
          ("row_stack", lambda m, x, y: m.row_stack([x, y]), lambda x, y: numpy.vstack([x, y])),
          ("hstack", lambda m, x, y: m.hstack([x, y]), None),
          ("dstack", lambda m, x, y: m.dstack([x, y]), None),
          ("column_stack", lambda m, x, y: m.column_stack([x, y]), None),
      )),
    of("split", "6 a", indices_or_sections=3),
    of("split", "6 a", indices_or_sections=(2, 3), axis=0),
    of("array_split", "a b", indices_or_sections=2),
    of("hsplit", "a 4", indices_or_sections=2),
    of("vsplit", "4 a", indices_or_sections=2),
    of("dsplit", "a b 4", indices_or_sections=2),
    of("tile", "a b", reps=(2, 1, 3)),
    of("repeat", "a b", repeats=3),
    of("repeat", "a b", repeats=2, axis=1),
    of("flip", "a b"), of("flip", "a b", axis=0), of("flipud", "a b"), of("fliplr", "a b"),
    of("roll", "a b", shift=2), of("roll", "a b c", shift=(1, -1), axis=(0, 2)),
    of("rot90", "a b", k=1), of("rot90", "a b c", k=3, axes=(1, 2)),
    of("resize", "a b", new_shape=(3, 4)),
    *(of("pad", "a b", pad_width=((1, 2), (0, 1)), mode=mode)
      for mode in ("constant", "edge", "reflect", "symmetric", "maximum", "minimum")),
    of("delete", "7 a", obj=2, axis=0),
    Case("np.insert", ("5 a",), call=lambda m, x: m.insert(x, 2, 1, axis=0), kinds="fi"),
    of("tril", "a b", k=0), of("tril", "a b", k=1), of("triu", "a b", k=-1),
    Case("np.unique", ("a b",), kinds="i", compiled=False),
    Case("np.packbits", ("a",), kinds="b", compiled=False),
]  # fmt: skip
SEARCHING = [
    Case("np.take", ("a b",), {"indices": [0, 0], "axis": 1},
         call=lambda m, x: m.take(x, m.array([0, 0], dtype="int32"), axis=1)),
    Case("np.where", ("a b", "a b"), call=lambda m, x, y: m.where(x > y, x, y * 2)),
    Case("np.sort", ("a b",), {"axis": 0}, kinds="fi"),
    Case("np.sort", ("a b",), {"axis": -1}, kinds="fi"),
    Case("np.argsort", ("a b",), {"axis": 1}, graded=False),
    Case("np.nonzero", ("a b",), kinds="b"),
    Case("np.flatnonzero", ("a b",), kinds="b"),
    Case("np.take_along_axis", ("a b",), call=lambda m, x: m.take_along_axis(
        x, m.argsort(x, axis=1), 1), graded=False, compiled=False),
    Case("np.unravel_index", ("a",), kinds="i", low=0, high=5, compiled=False,
         call=lambda m, x: m.unravel_index(x, (2, 3))),
    Case("np.diagonal", ("a b c",), {"offset": 0, "axis1": 0, "axis2": 1}, least=2),
    Case("np.trace", ("a b c",), least=2),
]  # fmt: skip

CASES = (*CREATION, *MANIPULATION, *SEARCHING)
