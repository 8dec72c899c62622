"""Transformers over tokens: encoders, decoders, and one with both."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from exported.networks.base import Input, Network, below, tails

_WORDS, _WIDTH, _HEADS, _LENGTH = 17, 16, 2, 6


class Encoder(nn.Module):
    """nn.TransformerEncoder over tokens with a padding mask."""

    def __init__(self, **how: Any) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, _WIDTH)
        self.places = nn.Parameter(torch.randn(_LENGTH, _WIDTH))
        layer = nn.TransformerEncoderLayer(_WIDTH, _HEADS, 24, batch_first=True, **how)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(_WIDTH, 3)

    def forward(self, tokens: Any, padding: Any) -> Any:
        x = self.body(self.words(tokens) + self.places, src_key_padding_mask=padding)
        weight = (~padding).unsqueeze(-1).to(x.dtype)
        return self.head((x * weight).sum(1) / weight.sum(1))


class Attention(nn.Module):
    """Multi-head attention by scaled_dot_product_attention."""

    def __init__(self) -> None:
        super().__init__()
        self.projections = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Any, padding: Any) -> Any:
        n, length, width = x.shape
        parts = self.projections(x).view(n, length, 3, _HEADS, width // _HEADS)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = ~padding[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(mixed.transpose(1, 2).reshape(n, length, width))


class Bert(nn.Module):
    """An encoder written by hand, with embeddings of three kinds as BERT has them."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, _WIDTH, padding_idx=0)
        self.kinds = nn.Embedding(2, _WIDTH)
        self.places = nn.Embedding(_LENGTH, _WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(_WIDTH) for _ in range(3))
        self.attention = Attention()
        self.wide, self.narrow = nn.Linear(_WIDTH, 24), nn.Linear(24, _WIDTH)

    def forward(self, tokens: Any, kinds: Any) -> Any:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.norms[0](self.words(tokens) + self.kinds(kinds) + self.places(places))
        x = self.norms[1](x + self.attention(x, tokens == 0))
        return self.norms[2](x + self.narrow(functional.gelu(self.wide(x))))


class Seq2Seq(nn.Module):
    """nn.Transformer: an encoder, and a decoder that sees nothing to its right."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, _WIDTH)
        self.body = nn.Transformer(
            _WIDTH, _HEADS, 1, 1, 24, batch_first=True, norm_first=True, activation="gelu"
        )
        self.head = nn.Linear(_WIDTH, _WORDS)
        mask = nn.Transformer.generate_square_subsequent_mask(4)
        self.register_buffer("mask", mask)

    def forward(self, source: Any, target: Any, padding: Any) -> Any:
        x = self.body(
            self.words(source),
            self.words(target),
            tgt_mask=self.mask,
            tgt_is_causal=True,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return functional.log_softmax(self.head(x), -1)


class Gpt(nn.Module):
    """A causal decoder over a whole text, its output weights those of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, _WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(_WIDTH) for _ in range(2))
        self.projections, self.out = nn.Linear(_WIDTH, 3 * _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        self.wide, self.narrow = nn.Linear(_WIDTH, 24), nn.Linear(24, _WIDTH)

    def forward(self, tokens: Any) -> Any:
        x = self.words(tokens)
        n, length, width = x.shape
        q, k, v = (
            part.view(n, length, _HEADS, -1).transpose(1, 2)
            for part in self.projections(self.norms[0](x)).split(width, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).contiguous().view(n, length, width))
        x = x + self.narrow(functional.gelu(self.wide(self.norms[1](x)), approximate="tanh"))
        return x @ self.words.weight.t()


class RmsNorm(nn.Module):
    """Zhang and Sennrich, 2019."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Any) -> Any:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


def _turned(x: Any, angles: Any) -> Any:
    """Rotary positions, Su et al., 2021."""
    a, b = x.chunk(2, dim=-1)
    turned = torch.cat([-b, a], -1)
    return x * torch.cat([angles.cos()] * 2, -1) + turned * torch.cat([angles.sin()] * 2, -1)


class Llama(nn.Module):
    """One step of decoding: rotary positions, grouped queries, keys and values of the past."""

    _GROUPS, _SIZE, _PAST = 2, 4, 5

    def __init__(self) -> None:
        super().__init__()
        heads = self._GROUPS * 2
        self.words = nn.Embedding(_WORDS, _WIDTH)
        self.norms = nn.ModuleList(RmsNorm(_WIDTH) for _ in range(3))
        self.query = nn.Linear(_WIDTH, heads * self._SIZE, bias=False)
        self.key = nn.Linear(_WIDTH, self._GROUPS * self._SIZE, bias=False)
        self.value = nn.Linear(_WIDTH, self._GROUPS * self._SIZE, bias=False)
        self.out = nn.Linear(heads * self._SIZE, _WIDTH, bias=False)
        self.gate, self.up = (nn.Linear(_WIDTH, 24, bias=False) for _ in range(2))
        self.down = nn.Linear(24, _WIDTH, bias=False)
        self.head = nn.Linear(_WIDTH, _WORDS, bias=False)

    def forward(self, token: Any, keys: Any, values: Any) -> Any:
        n, length = token.shape
        x = self.words(token)
        y = self.norms[0](x)
        q, k, v = (
            p(y).view(n, length, -1, self._SIZE).transpose(1, 2)
            for p in (self.query, self.key, self.value)
        )
        places = torch.arange(length, dtype=torch.float32) + keys.shape[2]
        rates = 10000.0 ** -(torch.arange(0, self._SIZE, 2, dtype=torch.float32) / self._SIZE)
        angles = torch.outer(places, rates)
        keys = torch.cat([keys, _turned(k, angles)], 2)
        values = torch.cat([values, v], 2)
        seen = torch.ones(length, keys.shape[2], dtype=torch.bool).tril(keys.shape[2] - length)
        mixed = functional.scaled_dot_product_attention(
            _turned(q, angles), keys.repeat_interleave(2, 1), values.repeat_interleave(2, 1), seen
        )
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        y = self.norms[1](x)
        x = x + self.down(functional.silu(self.gate(y)) * self.up(y))
        return self.head(self.norms[2](x)), keys, values


class Experts(nn.Module):
    """A mixture of experts: each token goes to the best two of four."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(_WIDTH, 4)
        self.wide = nn.Parameter(torch.randn(4, _WIDTH, 24))
        self.narrow = nn.Parameter(torch.randn(4, 24, _WIDTH))

    def forward(self, x: Any) -> Any:
        weight, chosen = self.gate(x).topk(2, dim=-1)
        share = torch.zeros_like(self.gate(x)).scatter(-1, chosen, weight.softmax(-1))
        hidden = functional.gelu(torch.einsum("nlw,ewh->nleh", x, self.wide))
        return torch.einsum("nleh,ehw,nle->nlw", hidden, self.narrow, share)


_TOKENS = Input("tokens", (_LENGTH,), below(_WORDS))
_PADDING = Input("padding", (_LENGTH,), tails)
_CACHE = tuple(Input(name, (2, 5, 4)) for name in ("keys", "values"))

NETWORKS = (
    Network("encoder", "transformer encoder", Encoder, (_TOKENS, _PADDING)),
    Network(
        "encoder_first", "transformer encoder",
        lambda: Encoder(norm_first=True, activation="gelu"), (_TOKENS, _PADDING),
    ),
    Network(
        "bert", "transformer encoder", Bert, (_TOKENS, Input("kinds", (_LENGTH,), below(2)))
    ),
    Network(
        "seq2seq", "transformer decoder", Seq2Seq,
        (_TOKENS, Input("target", (4,), below(_WORDS)), _PADDING),
    ),
    Network("gpt", "transformer decoder", Gpt, (_TOKENS,)),
    Network(
        "llama", "transformer decoder", Llama,
        (Input("tokens", (2,), below(_WORDS)), *_CACHE), ("scores", "new_keys", "new_values"),
    ),
    Network("experts", "mixture of experts", Experts, (Input("x", (_LENGTH, _WIDTH)),)),
)  # fmt: skip
