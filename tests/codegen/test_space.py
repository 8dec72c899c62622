"""Views walk memory as NumPy's strides do, and loops merge where all operands allow it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.space import View, coalesce
from baryon.ir import CHANNELS_LAST, Layout, Sym, TensorType, f32

MEMORY = np.arange(1000)


def seen(view: View) -> NDArray[np.int64]:
    """The elements of MEMORY that a view walks."""
    steps = [int(str(s)) * MEMORY.itemsize for s in view.steps]
    shape = [int(str(d)) for d in view.shape]
    return np.lib.stride_tricks.as_strided(MEMORY[int(str(view.offset)) :], shape, steps)


def test_views_transform_like_arrays() -> None:
    view = View.of(TensorType((4, 6, 5), f32))
    array = MEMORY[:120].reshape(4, 6, 5)
    np.testing.assert_array_equal(seen(view), array)
    np.testing.assert_array_equal(seen(view.transpose((2, 0, 1))), array.transpose(2, 0, 1))
    np.testing.assert_array_equal(seen(view.slice(1, 1, 2, 3)), array[:, 1:5:3])
    np.testing.assert_array_equal(seen(view.slice(2, 4, 5, -1)), array[:, :, ::-1])
    np.testing.assert_array_equal(seen(view.split(1, (2, 3))), array.reshape(4, 2, 3, 5))
    np.testing.assert_array_equal(seen(view.insert(1)), array[:, None])
    wide = view.slice(1, 2, 1).broadcast((2, 4, 6, 5))
    np.testing.assert_array_equal(seen(wide), np.broadcast_to(array[:, 2:3], (2, 4, 6, 5)))


def test_layouts_are_steps() -> None:
    type = TensorType((2, 3, 4, 5), f32, layout=CHANNELS_LAST)
    assert View.of(type).steps == (60, 1, 15, 3)
    assert View.of(type.with_layout(Layout(7))).steps == (140, 1, 35, 7)


def test_loops_merge_where_all_operands_walk_on() -> None:
    dense, by_channel = (60, 20, 5, 1), (0, 1, 0, 0)
    assert coalesce((2, 3, 4, 5), [dense]).extents == (120,)
    assert coalesce((2, 3, 4, 5), [dense, by_channel]).extents == (2, 3, 20)
    assert coalesce((Sym("N"), 3, 4, 5), [dense]).extents == (Sym("N"), 60)
    assert coalesce((Sym("N"), 3, 4, 5), [dense], symbolic=True).extents == (Sym("N", 60),)
    assert coalesce((1, 1), [(3, 3)]).extents == (1,)
