"""Networks over tables, graphs and points."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from exported.networks.base import Input, Network, below

_NODES, _EDGES = 7, 12


class Recommender(nn.Module):
    """DLRM, Naumov et al., 2019: bags of embeddings and products of all pairs.

    by_bags: whether by nn.EmbeddingBag, or by sums of what nn.Embedding gives.
    """

    def __init__(self, by_bags: bool) -> None:
        super().__init__()
        self.by_bags = by_bags
        self.bags = nn.ModuleList(nn.EmbeddingBag(20, 6, mode=mode) for mode in ("sum", "mean"))
        self.bottom = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 1))

    def _bags(self, first: Any, second: Any) -> tuple[Any, Any]:
        if self.by_bags:
            return self.bags[0](first), self.bags[1](second)
        tables = [bag.weight for bag in self.bags]
        total = functional.embedding(first, tables[0]).sum(1)
        return total, functional.embedding(second, tables[1]).mean(1)

    def forward(self, dense: Any, first: Any, second: Any) -> Any:
        x = self.bottom(dense)
        rows = torch.stack([x, *self._bags(first, second)], 1)
        pairs = torch.bmm(rows, rows.transpose(1, 2))
        i, j = torch.tril_indices(3, 3, offset=-1)
        return torch.sigmoid(self.top(torch.cat([x, pairs[:, i, j]], 1))).squeeze(-1)


class GraphConvolution(nn.Module):
    """Kipf and Welling, 2016, by scatter_add over the edges of each graph."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def _mixed(self, x: Any, source: Any, target: Any) -> Any:
        width = x.shape[-1]
        sent = x.gather(1, source.unsqueeze(-1).expand(-1, -1, width))
        return torch.zeros_like(x).scatter_add(1, target.unsqueeze(-1).expand(-1, -1, width), sent)

    def forward(self, x: Any, source: Any, target: Any) -> Any:
        x = torch.relu(self._mixed(self.first(x), source, target))
        x = functional.elu(self._mixed(self.second(x), source, target) + x)
        return self.head(x.max(1).values)


class GraphAttention(nn.Module):
    """Velickovic et al., 2017, over a dense adjacency."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(5, 6, bias=False)
        self.left, self.right = nn.Linear(6, 1), nn.Linear(6, 1)

    def forward(self, x: Any, adjacency: Any) -> Any:
        y = self.inside(x)
        scores = functional.leaky_relu(self.left(y) + self.right(y).transpose(1, 2), 0.2)
        scores = scores.masked_fill(adjacency == 0, float("-1e9"))
        return functional.elu(torch.softmax(scores, -1) @ y)


class PointNet(nn.Module):
    """Qi et al., 2016: each point alone, then the largest of all."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 12, 1)
        )
        self.head = nn.Linear(12, 4)

    def forward(self, points: Any) -> Any:
        y = self.each(points.transpose(1, 2))
        return functional.normalize(self.head(torch.amax(y, 2)), dim=-1)


class TextConvolutions(nn.Module):
    """Kim, 2014: convolutions of several widths, and the largest along the text."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(19, 6)
        self.convs = nn.ModuleList(nn.Conv1d(6, 4, size) for size in (2, 3, 4))
        self.head = nn.Linear(12, 3)

    def forward(self, tokens: Any) -> Any:
        x = self.words(tokens).permute(0, 2, 1)
        best = [functional.adaptive_max_pool1d(torch.relu(c(x)), 1).squeeze(-1) for c in self.convs]
        return torch.log_softmax(self.head(torch.cat(best, 1)), 1)


class Forecaster(nn.Module):
    """A series less its mean over time, Zeng et al., 2022, with quantiles of what will come."""

    def __init__(self) -> None:
        super().__init__()
        self.trend, self.season = nn.Linear(24, 6), nn.Linear(24, 6)

    def forward(self, x: Any) -> Any:
        centre, spread = x.mean(1, keepdim=True), x.std(1, keepdim=True) + 1e-5
        y = (x - centre) / spread
        slow = functional.avg_pool1d(functional.pad(y[:, None], (2, 2), mode="replicate"), 5, 1)
        slow = slow.squeeze(1)
        found = self.trend(slow) + self.season(y - slow)
        return torch.sort(found * spread + centre, dim=-1).values


_INDEX = below(_NODES)
_FEATURES = (
    Input("dense", (4,)), Input("first", (3,), below(20)), Input("second", (5,), below(20)),
)  # fmt: skip

NETWORKS = (
    Network("dlrm", "recommender", lambda: Recommender(False), _FEATURES),
    Network("embedding_bags", "recommender", lambda: Recommender(True), _FEATURES,
            exporters=("dynamo",)),
    Network("gcn", "graph convolution", GraphConvolution,
            (Input("x", (_NODES, 5)), Input("source", (_EDGES,), _INDEX),
             Input("target", (_EDGES,), _INDEX))),
    Network("gat", "graph convolution", GraphAttention,
            (Input("x", (_NODES, 5)), Input("adjacency", (_NODES, _NODES), below(2)))),
    Network("pointnet", "points", PointNet, (Input("points", (9, 3)),)),
    Network("text_cnn", "text convolution", TextConvolutions, (Input("tokens", (8,), below(19)),)),
    Network("forecaster", "time series", Forecaster, (Input("series", (24,)),)),
)  # fmt: skip
