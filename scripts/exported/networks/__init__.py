"""All networks of the panel."""

from __future__ import annotations

from exported.networks import (
    audio,
    convolutional,
    detection,
    generative,
    images,
    recurrent,
    tables,
    transformers,
)

FAMILIES = (convolutional, transformers, recurrent, images, audio, generative, tables, detection)
NETWORKS = {network.name: network for family in FAMILIES for network in family.NETWORKS}
