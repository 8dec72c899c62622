"""Networks that make something: generators, autoencoders, denoisers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from exported.networks.base import Input, Network


def _dcgan() -> nn.Module:
    """Radford et al., 2015."""
    return nn.Sequential(
        nn.Unflatten(1, (10, 1, 1)),
        nn.ConvTranspose2d(10, 12, 4, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.ConvTranspose2d(12, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.ConvTranspose2d(8, 3, 3, 2, 1, output_padding=1), nn.Tanh(),
    )  # fmt: skip


class Styled(nn.Module):
    """A layer of StyleGAN, Karras et al., 2018: normalized, then scaled by a style."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1, padding_mode="reflect")
        self.style = nn.Linear(8, 2 * outside)
        self.norm = nn.InstanceNorm2d(outside)

    def forward(self, x: Any, style: Any) -> Any:
        scale, shift = self.style(style)[:, :, None, None].chunk(2, dim=1)
        return functional.leaky_relu(self.norm(self.conv(x)) * (1 + scale) + shift, 0.2)


class StyleGan(nn.Module):
    """Two of them upon a learned constant."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8))
        self.start = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.first, self.second = Styled(8, 8), Styled(8, 6)
        self.image = nn.Conv2d(6, 3, 1)

    def forward(self, z: Any) -> Any:
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        style = self.mapping(z)
        x = self.first(self.start.repeat(z.shape[0], 1, 1, 1), style)
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        return self.image(self.second(x, style))


class Vae(nn.Module):
    """Kingma and Welling, 2013, whose noise is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 6, 4, 2, 1), nn.Softplus(), nn.Conv2d(6, 8, 4, 2, 1), nn.Softplus(),
            nn.Flatten(), nn.Linear(8 * 16, 12),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(6, 8 * 16), nn.SELU(), nn.Unflatten(1, (8, 4, 4)),
            nn.ConvTranspose2d(8, 6, 4, 2, 1), nn.SELU(), nn.ConvTranspose2d(6, 1, 4, 2, 1),
        )  # fmt: skip

    def forward(self, image: Any, noise: Any) -> Any:
        mean, log_variance = self.encoder(image).chunk(2, dim=1)
        y = torch.sigmoid(self.decoder(mean + noise * torch.exp(0.5 * log_variance)))
        kl = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1)
        return y, kl


class Quantizer(nn.Module):
    """The nearest of some learned vectors, van den Oord et al., 2017."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 6, 4, stride=4)
        self.codes = nn.Embedding(11, 6)
        self.decoder = nn.ConvTranspose2d(6, 3, 4, stride=4)

    def forward(self, x: Any) -> Any:
        y = self.encoder(x).permute(0, 2, 3, 1)
        flat = y.reshape(y.shape[0], -1, 6)
        book = self.codes.weight
        apart = flat.pow(2).sum(-1, keepdim=True) - 2 * flat @ book.t() + book.pow(2).sum(1)
        best = apart.argmin(-1)
        return self.decoder(self.codes(best).view(y.shape).permute(0, 3, 1, 2)), best


class Denoiser(nn.Module):
    """A layer of a diffusion network, Ho et al., 2020: group norm, the time, cross attention."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(8, 12), nn.SiLU(), nn.Linear(12, 8))
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: Any, time: Any, text: Any) -> Any:
        rates = torch.exp(-2.0 * torch.arange(4, dtype=torch.float32))
        angles = time[:, None] * rates
        steps = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        y = self.first(x)
        y = y + self.conv(functional.silu(self.norm(y) + steps[:, :, None, None]))
        flat = y.flatten(2).transpose(1, 2)
        mixed, _ = self.attention(flat, text, text)
        return self.last((flat + mixed).transpose(1, 2).unflatten(2, y.shape[-2:]))


_NOISE = Input("noise", (10,))

NETWORKS = (
    Network("dcgan", "GAN generator", _dcgan, (_NOISE,)),
    Network("stylegan", "GAN generator", StyleGan, (Input("z", (8,)),)),
    Network("vae", "autoencoder", Vae, (Input("image", (1, 16, 16)), Input("noise", (6,))),
            ("y", "kl")),
    Network("vqvae", "autoencoder", Quantizer, (Input("image", (3, 16, 16)),), ("y", "codes")),
    Network("denoiser", "diffusion", Denoiser,
            (Input("x", (3, 8, 8)), Input("time", ()), Input("text", (4, 6)))),
)  # fmt: skip
