"""Images to images, and classifiers that are not made of plain convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from exported.networks.base import Input, Network


def _double(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1),
        nn.BatchNorm2d(outside),
        nn.LeakyReLU(0.1),
        nn.Conv2d(outside, outside, 3, padding=1),
        nn.InstanceNorm2d(outside, affine=True),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Ronneberger et al., 2015: up by a transposed convolution, then by interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.middle, self.bottom = _double(3, 6), _double(6, 8), _double(8, 12)
        self.up = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.joined, self.last = _double(16, 8), _double(14, 6)
        self.head = nn.Conv2d(6, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.top(x)
        b = self.middle(functional.max_pool2d(a, 2))
        y = self.up(self.bottom(functional.max_pool2d(b, 2)))
        y = self.joined(torch.cat([y, b], 1))
        y = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.sigmoid(self.head(self.last(torch.cat([y, a], 1))))


class Segmenter(nn.Module):
    """DeepLab's pyramid of dilated convolutions, Chen et al., 2017, resized to the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.levels = nn.ModuleList(nn.Conv2d(8, 4, 3, padding=d, dilation=d) for d in (1, 2, 4))
        self.pool = nn.Conv2d(8, 4, 1)
        self.head = nn.Conv2d(16, 3, 1)

    def forward(self, x: Any) -> Any:
        y = torch.relu(self.stem(x))
        whole = self.pool(functional.adaptive_avg_pool2d(y, 1))
        whole = functional.interpolate(whole, size=y.shape[-2:], mode="nearest")
        y = self.head(torch.cat([*(level(y) for level in self.levels), whole], 1))
        return functional.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=True)


class SuperResolution(nn.Module):
    """Shi et al., 2016, beside a bicubic enlargement."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2), nn.PReLU(8), nn.Conv2d(8, 27, 3, padding=1),
            nn.PixelShuffle(3),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        large = functional.interpolate(x, scale_factor=3, mode="bicubic", align_corners=False)
        return (large + self.body(x)).clamp(-2, 2)


class Vit(nn.Module):
    """Dosovitskiy et al., 2020."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 17, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 1, nn.LayerNorm(16), enable_nested_tensor=False)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Any) -> Any:
        y = self.patches(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(y.shape[0], -1, -1), y], 1) + self.places
        return self.head(self.body(y)[:, 0])


class SwinBlock(nn.Module):
    """Attention in windows that are moved by half of one, Liu et al., 2021."""

    _SIDE, _WIDTH, _HEADS = 4, 12, 2

    def __init__(self, shift: int, side: int = 8) -> None:
        super().__init__()
        self.shift = shift
        self.norm, self.second = nn.LayerNorm(self._WIDTH), nn.LayerNorm(self._WIDTH)
        self.projections = nn.Linear(self._WIDTH, 3 * self._WIDTH)
        self.out = nn.Linear(self._WIDTH, self._WIDTH)
        self.mlp = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.bias = nn.Parameter(torch.randn((2 * self._SIDE - 1) ** 2, self._HEADS))
        grid = torch.stack(torch.meshgrid(*[torch.arange(self._SIDE)] * 2, indexing="ij"))
        apart = grid.flatten(1)[:, :, None] - grid.flatten(1)[:, None, :] + self._SIDE - 1
        self.register_buffer("index", apart[0] * (2 * self._SIDE - 1) + apart[1])
        self.register_buffer("mask", self._seen(side))

    def _seen(self, side: int) -> Any:
        """What must not be seen, as windows at the border join parts that are far apart."""
        number = torch.zeros(1, side, side, 1)
        parts = [slice(0, -self._SIDE), slice(-self._SIDE, -self.shift), slice(-self.shift, None)]
        for n, (rows, columns) in enumerate((a, b) for a in parts for b in parts):
            number[:, rows, columns] = n
        flat = self._windows(number).flatten(1)
        return (flat[:, None] != flat[:, :, None]) * -100.0

    def _windows(self, x: Any) -> Any:
        n, h, w, c = x.shape
        parts = x.view(n, h // self._SIDE, self._SIDE, w // self._SIDE, self._SIDE, c)
        return parts.transpose(2, 3).reshape(-1, self._SIDE**2, c)

    def _together(self, x: Any, n: int, h: int, w: int) -> Any:
        parts = x.view(n, h // self._SIDE, w // self._SIDE, self._SIDE, self._SIDE, -1)
        return parts.transpose(2, 3).reshape(n, h, w, -1)

    def _attention(self, x: Any) -> Any:
        n, length, width = x.shape
        parts = self.projections(x).view(n, length, 3, self._HEADS, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (width // self._HEADS) ** -0.5
        scores = scores + self.bias[self.index].permute(2, 0, 1)
        if self.shift:
            count = self.mask.shape[0]
            scores = scores.view(-1, count, self._HEADS, length, length)
            scores = (scores + self.mask[:, None]).view(n, self._HEADS, length, length)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width))

    def forward(self, x: Any) -> Any:
        n, h, w, _ = x.shape
        y = (
            torch.roll(self.norm(x), (-self.shift, -self.shift), (1, 2))
            if self.shift
            else self.norm(x)
        )
        y = self._together(self._attention(self._windows(y)), n, h, w)
        x = x + (torch.roll(y, (self.shift, self.shift), (1, 2)) if self.shift else y)
        return x + self.mlp(self.second(x))


class Swin(nn.Module):
    """Patches, two blocks, and patches merged."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, stride=4)
        self.blocks = nn.Sequential(SwinBlock(0), SwinBlock(2))
        self.merge = nn.Linear(48, 12, bias=False)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Any) -> Any:
        y = self.blocks(self.patches(x).permute(0, 2, 3, 1))
        quarters = [y[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.head(self.merge(torch.cat(quarters, -1)).mean((1, 2)))


class MixerBlock(nn.Module):
    """Tolstikhin et al., 2021."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(12) for _ in range(2))
        self.along = nn.Sequential(nn.Linear(16, 20), nn.GELU(), nn.Linear(20, 16))
        self.across = nn.Sequential(nn.Linear(12, 20), nn.GELU(), nn.Linear(20, 12))

    def forward(self, x: Any) -> Any:
        x = x + self.along(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return x + self.across(self.norms[1](x))


class Mixer(nn.Module):
    """A network of products alone."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 8, stride=8)
        self.body = nn.Sequential(MixerBlock(), MixerBlock(), nn.LayerNorm(12))
        self.head = nn.Linear(12, 5)

    def forward(self, x: Any) -> Any:
        y = torch.einsum("nchw->nhwc", self.patches(x)).flatten(1, 2)
        return self.head(self.body(y).mean(1))


class ConvNextBlock(nn.Module):
    """Liu et al., 2022: depthwise 7x7, then products along the channels, which are last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x: Any) -> Any:
        y = self.norm(self.conv(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(functional.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class ChannelsFirstNorm(nn.Module):
    """A layer norm along axis 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Any) -> Any:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _convnext() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, stride=4), ChannelsFirstNorm(8), ConvNextBlock(8),
        ChannelsFirstNorm(8), nn.Conv2d(8, 12, 2, stride=2), ConvNextBlock(12),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(12), nn.Linear(12, 5),
    )  # fmt: skip


_IMAGE = (Input("image", (3, 32, 32)),)

NETWORKS = (
    Network("unet", "U-Net", UNet, _IMAGE),
    Network("segmenter", "U-Net", Segmenter, _IMAGE),
    Network("super_resolution", "super resolution", SuperResolution, (Input("image", (3, 10, 8)),)),
    Network("vit", "vision transformer", Vit, _IMAGE),
    Network("swin", "vision transformer", Swin, _IMAGE),
    Network("mixer", "MLP-Mixer", Mixer, _IMAGE),
    Network("convnext", "ConvNeXt", _convnext, _IMAGE),
)
