"""Arrays: the `ndarray` that users hold, eager calls of ops on it, and the hook for recording.

`np` and `npx` are derived from the op declarations on top of this; `deferred` records through it.
"""

from baryon.array.base import ArrayBase, ElementsError, Recorder, TraceError, recorder, recording_to
from baryon.array.calls import Ops, calls, op, wrap
from baryon.array.derive import namespace, public_ops, signature_of
from baryon.array.device import CPU, Device, only_cpu
from baryon.array.methods import install
from baryon.array.ndarray import ndarray
from baryon.array.tape import GradientError, is_recording, is_training, mode_of, set_mode
from baryon.array.write import assign_state, stored

__all__ = [
    "CPU", "ArrayBase", "Device", "ElementsError", "GradientError", "Ops", "Recorder", "TraceError",
    "assign_state",
    "calls", "install", "is_recording", "is_training", "mode_of", "namespace", "ndarray",
    "only_cpu", "op", "public_ops", "recorder", "recording_to", "set_mode", "signature_of",
    "stored", "wrap",
]  # fmt: skip
