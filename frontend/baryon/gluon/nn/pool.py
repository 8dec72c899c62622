"""Pooling, padding and pixel-shuffle layers over 1, 2 and 3 spatial axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from baryon import np, npx
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.nn.layouts import Sizes, channels_first, sizes


class _Pool(HybridBlock):
    """What all pooling layers have in common; `rank` is the number of spatial axes."""

    rank: ClassVar[int]
    kind: ClassVar[str]

    def __init__(
        self, pool_size: Sizes, strides: Sizes | None, padding: Sizes, layout: str, ceil_mode: bool,
        global_pool: bool = False, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        kernel = sizes(pool_size, self.rank, "pool_size")
        self._options: dict[str, Any] = {
            "kernel": kernel,
            "stride": kernel if strides is None else sizes(strides, self.rank, "strides"),
            "pad": sizes(padding, self.rank, "padding"),
            "pooling_convention": "full" if ceil_mode else "valid",
            "global_pool": global_pool, "pool_type": self.kind,
            "layout": channels_first(layout, self.rank, type(self).__name__), **more,
        }  # fmt: skip

    def forward(self, x: Any) -> Any:
        """(N, C, *spatial) to (N, C, *fewer)."""
        return npx.pooling(x, **self._options)

    def __repr__(self) -> str:
        o = self._options
        return (
            f"{type(self).__name__}(size={o['kernel']}, stride={o['stride']}, padding={o['pad']}, "
            f"ceil_mode={o['pooling_convention'] == 'full'}, global_pool={o['global_pool']}, "
            f"pool_type={o['pool_type']}, layout={o['layout']})"
        )


class MaxPool1D(_Pool):
    """The largest element of each window over (N, C, W). strides: the window's size if None."""

    rank, kind = 1, "max"

    def __init__(
        self, pool_size: Sizes = 2, strides: Sizes | None = None, padding: Sizes = 0,
        layout: str = "NCW", ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode)


class MaxPool2D(_Pool):
    """The largest element of each window over (N, C, H, W). strides: the window's size if None."""

    rank, kind = 2, "max"

    def __init__(
        self, pool_size: Sizes = (2, 2), strides: Sizes | None = None, padding: Sizes = 0,
        layout: str = "NCHW", ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode)


class MaxPool3D(_Pool):
    """The largest element of each window over (N, C, D, H, W). strides: the window's if None."""

    rank, kind = 3, "max"

    def __init__(
        self, pool_size: Sizes = (2, 2, 2), strides: Sizes | None = None, padding: Sizes = 0,
        ceil_mode: bool = False, layout: str = "NCDHW",
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode)


class AvgPool1D(_Pool):
    """The mean of each window over (N, C, W). count_include_pad: padding counts as zeros."""

    rank, kind = 1, "avg"

    def __init__(
        self, pool_size: Sizes = 2, strides: Sizes | None = None, padding: Sizes = 0,
        layout: str = "NCW", ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode,
                         count_include_pad=count_include_pad)  # fmt: skip


class AvgPool2D(_Pool):
    """The mean of each window over (N, C, H, W). count_include_pad: padding counts as zeros."""

    rank, kind = 2, "avg"

    def __init__(
        self, pool_size: Sizes = (2, 2), strides: Sizes | None = None, padding: Sizes = 0,
        ceil_mode: bool = False, layout: str = "NCHW", count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode,
                         count_include_pad=count_include_pad)  # fmt: skip


class AvgPool3D(_Pool):
    """The mean of each window over (N, C, D, H, W). count_include_pad: padding counts as zeros."""

    rank, kind = 3, "avg"

    def __init__(
        self, pool_size: Sizes = (2, 2, 2), strides: Sizes | None = None, padding: Sizes = 0,
        ceil_mode: bool = False, layout: str = "NCDHW", count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, layout, ceil_mode,
                         count_include_pad=count_include_pad)  # fmt: skip


class _Global(_Pool):
    """One window over all spatial axes."""

    def __init__(self, layout: str) -> None:
        super().__init__(1, None, 0, layout, ceil_mode=True, global_pool=True)


class GlobalMaxPool1D(_Global):
    """The largest element of each channel: (N, C, W) to (N, C, 1)."""

    rank, kind = 1, "max"

    def __init__(self, layout: str = "NCW") -> None:
        super().__init__(layout)


class GlobalMaxPool2D(_Global):
    """The largest element of each channel: (N, C, H, W) to (N, C, 1, 1)."""

    rank, kind = 2, "max"

    def __init__(self, layout: str = "NCHW") -> None:
        super().__init__(layout)


class GlobalMaxPool3D(_Global):
    """The largest element of each channel: (N, C, D, H, W) to (N, C, 1, 1, 1)."""

    rank, kind = 3, "max"

    def __init__(self, layout: str = "NCDHW") -> None:
        super().__init__(layout)


class GlobalAvgPool1D(_Global):
    """The mean of each channel: (N, C, W) to (N, C, 1)."""

    rank, kind = 1, "avg"

    def __init__(self, layout: str = "NCW") -> None:
        super().__init__(layout)


class GlobalAvgPool2D(_Global):
    """The mean of each channel: (N, C, H, W) to (N, C, 1, 1)."""

    rank, kind = 2, "avg"

    def __init__(self, layout: str = "NCHW") -> None:
        super().__init__(layout)


class GlobalAvgPool3D(_Global):
    """The mean of each channel: (N, C, D, H, W) to (N, C, 1, 1, 1)."""

    rank, kind = 3, "avg"

    def __init__(self, layout: str = "NCDHW") -> None:
        super().__init__(layout)


class ReflectionPad2D(HybridBlock):
    """(N, C, H, W) with H and W extended by their reflection.

    padding: one number for all four sides, or 8: before and after each of the four axes.
    """

    def __init__(self, padding: int | Sequence[int] = 0) -> None:
        super().__init__()
        widths = (0,) * 4 + (padding,) * 4 if isinstance(padding, int) else tuple(padding)
        if len(widths) != 8:
            raise ValueError(f"padding is {padding!r}, expected a number or 8 of them")
        self._widths = widths

    def forward(self, x: Any) -> Any:
        """The extended input."""
        pairs = [(self._widths[i], self._widths[i + 1]) for i in range(0, 8, 2)]
        return np.pad(x, pairs, mode="reflect")


class _PixelShuffle(HybridBlock):
    """Channels become space: (N, f1 * ... * C, *spatial) to (N, C, f1 * s1, ...)."""

    rank: ClassVar[int]

    def __init__(self, factor: Sizes) -> None:
        super().__init__()
        self._factors = sizes(factor, self.rank, "factor")

    def forward(self, x: Any) -> Any:
        """The rearranged input."""
        rank, (batch, channels, *spatial) = self.rank, x.shape
        kept = channels // math.prod(self._factors)
        parts = np.reshape(x, (batch, kept, *self._factors, *spatial))
        pairs = [axis for i in range(rank) for axis in (2 + rank + i, 2 + i)]
        grown = [s * f for s, f in zip(spatial, self._factors, strict=True)]
        return np.reshape(np.transpose(parts, (0, 1, *pairs)), (batch, kept, *grown))

    def __repr__(self) -> str:
        shown = self._factors[0] if self.rank == 1 else self._factors
        return f"{type(self).__name__}({shown})"


class PixelShuffle1D(_PixelShuffle):
    """(N, f * C, W) to (N, C, f * W)."""

    rank = 1


class PixelShuffle2D(_PixelShuffle):
    """(N, f1 * f2 * C, H, W) to (N, C, f1 * H, f2 * W)."""

    rank = 2


class PixelShuffle3D(_PixelShuffle):
    """(N, f1 * f2 * f3 * C, D, H, W) to (N, C, f1 * D, f2 * H, f3 * W)."""

    rank = 3
