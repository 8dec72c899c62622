"""Arrays: the `ndarray` that users hold, eager calls of ops on it, and the hook for recording.

`np` and `npx` are derived from the op declarations on top of this; `deferred` records through it.
"""

from baryon.array.base import ArrayBase, Recorder, TraceError, recorder, recording_to
from baryon.array.derive import namespace, public_ops, signature_of
from baryon.array.ndarray import calls, ndarray

__all__ = [
    "ArrayBase", "Recorder", "TraceError", "calls", "namespace", "ndarray", "public_ops",
    "recorder", "recording_to", "signature_of",
]  # fmt: skip
