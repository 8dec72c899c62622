"""Sizes, counts and shapes as people read them."""

from __future__ import annotations

import pytest

from baryon.units import format_bytes, format_count, format_shape, plural


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
        (97.5 * 2**20, "97.5 MiB"), (2**30, "1.00 GiB"), (5 * 2**40, "5120.00 GiB"),
    ],
)  # fmt: skip
def test_bytes_have_binary_units(count: float, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (25_600, "25.6 k"), (3_500_000, "3.5 M"), (4.12e9, "4.12 G")],
)
def test_counts_go_in_steps_of_a_thousand(count: float, text: str) -> None:
    assert format_count(count) == text


def test_only_one_is_singular() -> None:
    assert [plural(n, "kernel") for n in (0, 1, 2)] == ["0 kernels", "1 kernel", "2 kernels"]


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("f32[1,64]{channels_last}", "1x64"), ("i8[4]", "i8:4"), ("f32[]", "1"),
        ("f32[4*N,3]", "4*Nx3"),
    ],
)  # fmt: skip
def test_shapes_name_other_types_than_float32(type: str, text: str) -> None:
    assert format_shape(type) == text
