"""Pooling kernels in both layouts: borders, conventions, channel counts, what follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baryon.codegen.kernels.pool import channel_block
from baryon.ir import TensorType, f32
from baryon.ops import TABLE
from codegen.harness import Case, module_text
from codegen.test_elementwise import SETTINGS


def pool(size: tuple[int, int], channels: int, layout: str, attrs: dict[str, Any]) -> Case:
    """A pooling of a batch of two, and a sum and activation after it."""
    opdef = TABLE["npx.pooling"]
    x = TensorType((2, channels, *size), f32)
    result = opdef.infer(x, **opdef.normalize(attrs))
    assert isinstance(result, TensorType)
    out = f"f32[N,{','.join(map(str, result.shape[1:]))}]"
    wide = layout.replace("}", f", pitch={channels + 3}}}") if layout else ""
    text = ", ".join(f"{k}={v!r}".replace("'", '"') for k, v in attrs.items())
    ops = f"%p = npx.pooling(%x) {{{text}}} : {out}{layout}\n"
    ops += f"%s = np.add(%p, %b) : {out}{layout}\n%y = npx.relu(%s) : {out}{wide}"
    source = f"f32[N,{channels},{size[0]},{size[1]}]{layout}"
    args = f"%x: {source}, %b: f32[{channels},1,1]"
    return Case(module_text(args, ops, "%y", symbol="N"), "pool", {"N": 2})


@SETTINGS
@given(st.data())
def test_windows_of_all_kinds(data: Any) -> None:
    draw = data.draw
    kernel = draw(st.tuples(*[st.integers(1, 4)] * 2))
    pads = tuple(draw(st.integers(0, k - 1)) for k in kernel * 2)
    attrs = {
        "kernel": kernel,
        "stride": draw(st.tuples(*[st.integers(1, 3)] * 2)),
        "pad": pads,
        "pool_type": draw(st.sampled_from(["max", "avg", "sum"])),
        "pooling_convention": draw(st.sampled_from(["valid", "full", "same"])),
        "count_include_pad": draw(st.booleans()),
    }
    size = draw(st.tuples(*[st.integers(4, 11)] * 2))
    channels = draw(st.sampled_from([1, 3, 8, 12, 16, 33, 100]))
    pool(size, channels, draw(st.sampled_from(["", "{channels_last}"])), attrs).check()


@pytest.mark.parametrize("layout", ["", "{channels_last}"])
@pytest.mark.parametrize("kind", ["max", "avg", "sum"])
def test_global_pooling(layout: str, kind: str) -> None:
    pool((7, 7), 130, layout, {"global_pool": True, "pool_type": kind}).check(atol=1e-5)


@pytest.mark.parametrize("channels", range(1, 140))
def test_blocks_cover_all_channels(channels: int) -> None:
    block = channel_block(channels, 8)
    starts = [min(i * block.width, channels - block.width) for i in range(block.count)]
    covered = {s + c for s in starts for c in range(block.width)}
    assert covered == set(range(channels))
