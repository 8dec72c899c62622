"""The artifact file (docs/spec/artifact.md): its contents as values, a writer and a reader.

`write_artifact` and `read_artifact` are for paths; `write_artifact_to`, `to_bytes` and
`parse_artifact` for files in memory. `WeightsBuilder` gives weights their places; `join` makes one
artifact for several CPUs of artifacts for one.
"""

from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.join import join
from baryon.codegen.artifact.plan import (
    Artifact,
    Call,
    Code,
    Computed,
    Dim,
    Extent,
    Kernel,
    Plan,
    Port,
    Slot,
    Storage,
    Symbol,
    TensorDesc,
    Variant,
)
from baryon.codegen.artifact.reader import parse_artifact, read_artifact
from baryon.codegen.artifact.weights import Weights, WeightsBuilder
from baryon.codegen.artifact.writer import to_bytes, write_artifact, write_artifact_to

__all__ = [
    "Artifact",
    "ArtifactError",
    "Call",
    "Code",
    "Computed",
    "Dim",
    "Extent",
    "Kernel",
    "Plan",
    "Port",
    "Slot",
    "Storage",
    "Symbol",
    "TensorDesc",
    "Variant",
    "Weights",
    "WeightsBuilder",
    "join",
    "parse_artifact",
    "read_artifact",
    "to_bytes",
    "write_artifact",
    "write_artifact_to",
]
