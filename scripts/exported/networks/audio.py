"""Networks over sound."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from exported.networks.base import Input, Network


class Gated(nn.Module):
    """A causal dilated convolution with a gate, van den Oord et al., 2016."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.before = 2 * dilation
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 16, 3, dilation=dilation))
        self.rest, self.skip = nn.Conv1d(8, 8, 1), nn.Conv1d(8, 6, 1)

    def forward(self, x: Any) -> Any:
        a, b = self.conv(functional.pad(x, (self.before, 0))).chunk(2, dim=1)
        y = torch.tanh(a) * torch.sigmoid(b)
        return x + self.rest(y), self.skip(y)


class WaveNet(nn.Module):
    """Three of them, and their skips together."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 8, 1)
        self.layers = nn.ModuleList(Gated(d) for d in (1, 2, 4))
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(6, 6, 1), nn.ReLU(), nn.Conv1d(6, 10, 1))

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        total: Any = 0
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        return self.last(total)


class Mel(nn.Module):
    """A log-mel spectrogram, and a small classifier of it.

    by_stft: whether by torch.stft, or by a convolution with the waves of each frequency.
    """

    def __init__(self, by_stft: bool) -> None:
        super().__init__()
        self.by_stft = by_stft
        angles = torch.outer(torch.arange(17), torch.arange(32)) * (2 * torch.pi / 32)
        waves = torch.cat([angles.cos(), angles.sin()]) * torch.hann_window(32)
        self.register_buffer("waves", waves[:, None])
        self.register_buffer("window", torch.hann_window(32))
        self.register_buffer("bank", torch.rand(17, 8))
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ELU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
        )  # fmt: skip

    def _power(self, wave: Any) -> Any:
        if not self.by_stft:
            found = functional.conv1d(wave[:, None], self.waves, stride=16)
            return found.unflatten(1, (2, 17)).pow(2).sum(1)
        spectrum = torch.stft(
            wave, 32, hop_length=16, window=self.window, center=False, return_complex=True
        )
        return torch.view_as_real(spectrum).pow(2).sum(-1)

    def forward(self, wave: Any) -> Any:
        power = self._power(wave)
        mel = torch.log(torch.matmul(power.transpose(1, 2), self.bank) + 1e-3)
        return self.body(mel.unsqueeze(1))


class Conformer(nn.Module):
    """A block of Gulati et al., 2020: halves of a feed-forward layer around both mixings."""

    _WIDTH = 12

    def __init__(self) -> None:
        super().__init__()
        width = self._WIDTH
        self.stem = nn.Conv1d(8, width, 3, stride=2, padding=1)
        self.forwards = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 24), nn.SiLU(), nn.Linear(24, width)
            )
            for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.conv = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1), nn.GLU(dim=1),
            nn.Conv1d(width, width, 5, padding=2, groups=width), nn.BatchNorm1d(width), nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )  # fmt: skip
        self.head = nn.Linear(width, 6)

    def forward(self, x: Any) -> Any:
        x = functional.gelu(self.stem(x)).transpose(1, 2)
        x = x + 0.5 * self.forwards[0](x)
        y = self.norms[0](x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.conv(self.norms[1](x).transpose(1, 2)).transpose(1, 2)
        x = self.norms[2](x + 0.5 * self.forwards[1](x))
        return functional.log_softmax(self.head(x), -1)


class Vocoder(nn.Module):
    """HiFi-GAN's generator, Kong et al., 2020: transposed convolutions and dilated ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(8, 12, 7, padding=3)
        self.ups = nn.ModuleList(
            [nn.ConvTranspose1d(12, 8, 8, 4, 2), nn.ConvTranspose1d(8, 4, 4, 2, 1)]
        )
        self.rest = nn.ModuleList(nn.Conv1d(c, c, 3, padding=3, dilation=3) for c in (8, 4))
        self.last = nn.Conv1d(4, 1, 7, padding=3, padding_mode="reflect")

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        for up, rest in zip(self.ups, self.rest, strict=True):
            x = up(functional.leaky_relu(x, 0.1))
            x = x + rest(functional.leaky_relu(x, 0.1))
        return torch.tanh(self.last(functional.leaky_relu(x)))


NETWORKS = (
    Network("wavenet", "audio", WaveNet, (Input("wave", (1, 40)),)),
    Network("mel", "audio", lambda: Mel(False), (Input("wave", (160,)),)),
    Network("stft", "audio", lambda: Mel(True), (Input("wave", (160,)),), exporters=("dynamo",)),
    Network("conformer", "audio", Conformer, (Input("mel", (8, 20)),)),
    Network("vocoder", "audio", Vocoder, (Input("mel", (8, 6)),)),
)
