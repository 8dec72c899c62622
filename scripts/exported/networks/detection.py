"""A detection head: anchors, boxes from offsets, the best of them, and non-maximum suppression."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from exported.networks import suppression
from exported.networks.base import Input, Network

_CLASSES, _ANCHORS, _SIDE = 3, 2, 4


class Decoder(nn.Module):
    """Scores and boxes at all anchors (one-stage, as SSD and RetinaNet have them)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.scores = nn.Conv2d(8, _ANCHORS * _CLASSES, 3, padding=1)
        self.offsets = nn.Conv2d(8, _ANCHORS * 4, 3, padding=1)
        centre = (torch.arange(_SIDE) + 0.5) / _SIDE
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        sizes = torch.tensor([[0.2, 0.3], [0.4, 0.25]])
        places = torch.stack([x, y], -1)[:, :, None].expand(-1, -1, _ANCHORS, -1)
        anchors = torch.cat([places, sizes.expand(_SIDE, _SIDE, -1, -1)], -1)
        self.register_buffer("anchors", anchors.reshape(-1, 4))

    def forward(self, image: Any) -> Any:
        x = self.body(image)
        n = x.shape[0]
        scores = self.scores(x).view(n, _ANCHORS, _CLASSES, -1).permute(0, 3, 1, 2)
        offsets = self.offsets(x).view(n, _ANCHORS, 4, -1).permute(0, 3, 1, 2).reshape(n, -1, 4)
        centres = self.anchors[:, :2] + 0.1 * offsets[..., :2] * self.anchors[:, 2:]
        sizes = self.anchors[:, 2:] * torch.exp(0.2 * offsets[..., 2:].clamp(-4, 4))
        boxes = torch.cat([centres - sizes / 2, centres + sizes / 2], -1).clamp(0, 1)
        return torch.sigmoid(scores.reshape(n, -1, _CLASSES)), boxes


class Best(nn.Module):
    """The ten best boxes of all classes."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Decoder()

    def forward(self, image: Any) -> Any:
        scores, boxes = self.decoder(image)
        best, place = scores.flatten(1).topk(10)
        row = (place // _CLASSES).unsqueeze(-1).expand(-1, -1, 4)
        return best, place % _CLASSES, boxes.gather(1, row)


class Suppressed(nn.Module):
    """The boxes that no better one of their class and image overlaps: as many as there are."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Decoder()

    def forward(self, image: Any) -> Any:
        scores, boxes = self.decoder(image)
        by_class = scores.transpose(1, 2)
        kept = suppression.nms(boxes, by_class, 8, 0.4, 0.3)
        image_of, class_of, box_of = kept.unbind(1)
        return kept, boxes[image_of, box_of], by_class[image_of, class_of, box_of]


NETWORKS = (
    Network("detector", "detection", Suppressed, (Input("image", (3, 32, 32)),),
            ("kept", "boxes", "scores")),
    Network("anchors", "detection", Best, (Input("image", (3, 32, 32)),),
            ("scores", "classes", "boxes")),
)  # fmt: skip
