"""Depthwise convolutions: any window, padding, pitch, prologue and epilogue, one result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.kernels.depthwise import is_depthwise
from codegen.harness import Case, module_text
from codegen.test_elementwise import SETTINGS
from codegen.threads import check_one_result


def case(
    channels: int,
    size: tuple[int, ...],
    attrs: dict[str, Any],
    *,
    batch: str = "N",
    layouts: tuple[str, str] = ("{channels_last}", "{channels_last}"),
    before: str = "",
    after: str = "",
    dtype: str = "f32",
    images: int = 2,
) -> Case:
    """A depthwise convolution with bias, and ops around it that say {t} for the tensor type."""
    dims = ",".join(map(str, size))
    kernel = tuple(attrs["kernel"])
    stride = attrs.get("stride") or (1,) * len(size)
    dilate = attrs.get("dilate") or (1,) * len(size)
    pad = attrs.get("pad") or (0,) * len(size)
    ends = zip(size, kernel, stride, dilate, pad[: len(size)], pad[-len(size) :], strict=True)
    out = ",".join(str((n + b + e - d * (k - 1) - 1) // s + 1) for n, k, s, d, b, e in ends)
    data = f"{dtype}[{batch},{channels},{dims}]{layouts[0]}"
    result = f"{dtype}[{batch},{channels},{out}]{layouts[1]}"
    text = ", ".join(f"{k}={v}" for k, v in (attrs | {"num_group": channels}).items())
    window = ",".join(map(str, kernel))
    values = np.random.default_rng(1).uniform(-1, 1, channels * int(np.prod(kernel))).round(3)
    constants = f"constant @w : {dtype}[{channels},1,{window}] = ({', '.join(map(str, values))})"
    ops = f'%w = ir.constant() {{name="w"}} : {dtype}[{channels},1,{window}]\n'
    ops += before.format(t=data) or ""
    ops += f"%c = npx.convolution({'%p' if before else '%x'}, %w, %b) {{{text}}} : {result}\n"
    ops += after.format(t=result)
    args = f"%x: {data}, %b: {dtype}[{channels}]"
    return Case(
        module_text(args, ops, "%y" if after else "%c", symbol="N", constants=constants),
        "implicit_gemm",
        {"N": images},
    )


RELU6 = "%y = np.clip(%c) {{a_min=0.0, a_max=6.0}} : {t}\n"


@settings(SETTINGS, max_examples=12)
@given(st.data())
def test_windows(data: Any) -> None:
    draw = data.draw
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (5, 5), (1, 3), (2, 4)]))
    stride = draw(st.sampled_from([(1, 1), (2, 2), (1, 2)]))
    dilate = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3)]))
    pad = draw(st.sampled_from([(1, 1), (0, 0), (2, 2), (0, 1, 1, 2), (3, 4)]))
    attrs = {"kernel": kernel, "stride": stride, "dilate": dilate, "pad": pad}
    size = (draw(st.integers(9, 20)), draw(st.integers(10, 30)))
    channels = draw(st.sampled_from([2, 3, 8, 12, 17, 24, 40]))
    pitches = st.sampled_from(["{channels_last}", "{channels_last, pitch=48}"])
    case(channels, size, attrs, layouts=(draw(pitches), draw(pitches)), after=RELU6).check()


def test_padding_wider_than_the_image() -> None:
    attrs = {"kernel": (5, 5), "dilate": (3, 3), "pad": (6, 6)}
    case(9, (2, 3), attrs).check()


def test_a_line() -> None:
    case(20, (33,), {"kernel": (3,), "pad": (1,), "stride": (2,)}, batch="2").check()


def test_what_is_fused_around() -> None:
    before = "%p = npx.relu(%x) : {t}\n"
    after = "%s = np.add(%c, %x) : {t}\n%y = npx.sigmoid(%s) : {t}\n"
    case(19, (7, 7), {"kernel": (3, 3), "pad": (1, 1)}, before=before, after=after).check()


@pytest.mark.parametrize(("dtype", "tolerance"), [("f64", 1e-12), ("f16", 2e-3), ("bf16", 2e-2)])
def test_dtypes(dtype: str, tolerance: float) -> None:
    it = case(11, (9, 9), {"kernel": (3, 3), "pad": (1, 1)}, dtype=dtype)
    it.check(tolerance, tolerance)


def test_threads_and_batches_do_not_change_results() -> None:
    attrs = {"kernel": (3, 3), "pad": (1, 1), "stride": (2, 2)}
    check_one_result(lambda n: case(130, (57, 61), attrs, after=RELU6, images=n))


def test_which_convolutions_are_depthwise() -> None:
    attrs = {"kernel": (3, 3), "pad": (1, 1)}
    assert is_depthwise(case(8, (5, 5), attrs).group.main)
    assert not is_depthwise(case(1, (5, 5), attrs).group.main)
    assert not is_depthwise(case(8, (5, 5), attrs, layouts=("", "")).group.main)
