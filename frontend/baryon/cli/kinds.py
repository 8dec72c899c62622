"""Kinds of values that options take, beside click's own."""

from __future__ import annotations

from typing import Any

import click


class Size(click.ParamType["tuple[int, int]"]):
    """HEIGHTxWIDTH, or one number for both."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Such as (224, 224)."""
        parts = value if isinstance(value, tuple) else str(value).lower().split("x")
        try:
            height, width = (int(part) for part in (parts * 2 if len(parts) == 1 else parts))
        except ValueError:
            height = width = 0
        if min(height, width) < 1:
            self.fail(f"{value!r} is not a size such as 224 or 224x320", param, ctx)
        return height, width


class Numbers(click.ParamType["tuple[float, ...]"]):
    """Numbers with commas between them."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Such as (0.485, 0.456, 0.406)."""
        try:
            return value if isinstance(value, tuple) else tuple(map(float, value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is not a number, nor several with commas between", param, ctx)


class Share(click.ParamType["float"]):
    """0.002, or 0.2%."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """A number of at least 0."""
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share < float("inf"):
            self.fail(f"{value!r} is not a number such as 0.002 or 0.2%", param, ctx)
        return share
