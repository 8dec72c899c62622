"""Networks with a state: recurrent layers, and scans that are written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from exported.networks.base import Input, Network, below, lengths

_WORDS, _LENGTH = 17, 6


class LanguageModel(nn.Module):
    """Two layers of LSTM whose state comes in and goes out."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, 8)
        self.body = nn.LSTM(8, 12, 2, batch_first=True)
        self.head = nn.Linear(12, _WORDS)

    def forward(self, tokens: Any, hidden: Any, cell: Any) -> Any:
        state = hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous()
        y, (hidden, cell) = self.body(self.words(tokens), state)
        return self.head(y), hidden.transpose(0, 1), cell.transpose(0, 1)


class Tagger(nn.Module):
    """A bidirectional layer, and scores for each token from both of its sides."""

    def __init__(self, layer: Any, **how: Any) -> None:
        super().__init__()
        self.body = layer(5, 6, batch_first=True, bidirectional=True, **how)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Any) -> Any:
        y, _ = self.body(x)
        return self.head(y)


class Packed(nn.Module):
    """A bidirectional GRU over rows of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.GRU(5, 6, batch_first=True, bidirectional=True)

    def forward(self, x: Any, lengths: Any) -> Any:
        y, last = self.body(pack_padded_sequence(x, lengths.cpu(), batch_first=True))
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=_LENGTH)
        return y, last.transpose(0, 1)


class Cells(nn.Module):
    """A cell of each kind, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LSTMCell(5, 6), nn.GRUCell(6, 4)

    def forward(self, x: Any) -> Any:
        hidden = cell = x.new_zeros(x.shape[0], 6)
        state = x.new_zeros(x.shape[0], 4)
        for step in x.unbind(1):
            hidden, cell = self.first(step, (hidden, cell))
            state = self.second(hidden, state)
        return state


class StateSpace(nn.Module):
    """A selective scan, Gu and Dao, 2023, with its causal depthwise convolution."""

    _WIDTH, _STATES = 6, 4

    def __init__(self) -> None:
        super().__init__()
        width, states = self._WIDTH, self._STATES
        self.inside, self.outside = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.conv = nn.Conv1d(width, width, 3, groups=width, padding=2)
        self.select, self.rate = nn.Linear(width, 2 * states + 1), nn.Linear(1, width)
        self.decay = nn.Parameter(torch.rand(width, states))
        self.skip = nn.Parameter(torch.ones(width))

    def forward(self, x: Any) -> Any:
        length = x.shape[1]
        y, gate = self.inside(x).chunk(2, dim=-1)
        y = functional.silu(self.conv(y.transpose(1, 2))[..., :length].transpose(1, 2))
        rate, b, c = self.select(y).split([1, self._STATES, self._STATES], dim=-1)
        rate = functional.softplus(self.rate(rate))
        kept = torch.exp(-rate.unsqueeze(-1) * torch.exp(self.decay))
        new = rate.unsqueeze(-1) * b.unsqueeze(2) * y.unsqueeze(-1)
        state, rows = torch.zeros_like(new[:, 0]), []
        for t in range(length):
            state = kept[:, t] * state + new[:, t]
            rows.append((state * c[:, t].unsqueeze(1)).sum(-1))
        return self.outside((torch.stack(rows, 1) + y * self.skip) * functional.silu(gate))


class LinearScan(nn.Module):
    """A gated linear recurrence by sums of logarithms, without a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        decay = functional.logsigmoid(self.gate(x))
        total = decay.cumsum(1)
        new = torch.exp(-total) * self.value(x)
        return torch.exp(total) * new.cumsum(1)


_ROWS = Input("x", (_LENGTH, 5))
_STATES = tuple(Input(name, (2, 12)) for name in ("hidden", "cell"))

NETWORKS = (
    Network(
        "lstm_lm", "recurrent", LanguageModel,
        (Input("tokens", (_LENGTH,), below(_WORDS)), *_STATES), ("scores", "h", "c"),
    ),
    Network("bilstm", "recurrent", lambda: Tagger(nn.LSTM, num_layers=2), (_ROWS,)),
    Network("bigru", "recurrent", lambda: Tagger(nn.GRU), (_ROWS,)),
    Network("rnn", "recurrent", lambda: Tagger(nn.RNN, nonlinearity="relu"), (_ROWS,)),
    Network(
        "packed", "recurrent", Packed, (_ROWS, Input("lengths", (), lengths(_LENGTH))),
        ("y", "last"), ("torchscript",),
    ),
    Network("cells", "recurrent", Cells, (_ROWS,)),
    Network("state_space", "state space", StateSpace, (Input("x", (_LENGTH, 6)),)),
    Network("linear_scan", "state space", LinearScan, (Input("x", (_LENGTH, 6)),)),
)  # fmt: skip
