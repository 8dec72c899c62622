"""`mx.npx`: neural-network functions beyond NumPy's.

Most functions are derived from the op declarations; those that arrange their arguments first, or
combine ops, are in the modules below.
"""

from types import SimpleNamespace as _SimpleNamespace

from baryon.array import namespace as _namespace
from baryon.array.border import public as _public
from baryon.array.device import Device as Device
from baryon.array.missing import missing_name as _missing_name
from baryon.npx import arrays as _arrays
from baryon.npx import attention as _attention
from baryon.npx import composite as _composite
from baryon.npx import control as _control
from baryon.npx import ctc as _ctc
from baryon.npx import deformable as _deformable
from baryon.npx import detection as _detection
from baryon.npx import image as image
from baryon.npx import io as _io
from baryon.npx import named as _named
from baryon.npx import norms as _norms
from baryon.npx import quantized as _quantized
from baryon.npx import random as random
from baryon.npx import recurrent as _recurrent
from baryon.npx import sequence as _sequence
from baryon.npx import softmaxes as _softmaxes
from baryon.npx import switches as _switches
from baryon.npx import windows as _windows
from baryon.npx.absent import ABSENT as _ABSENT

_MODULES = (
    _attention,
    _arrays,
    _composite,
    _control,
    _ctc,
    _deformable,
    _detection,
    _norms,
    _quantized,
    _recurrent,
    _sequence,
    _softmaxes,
    _windows,
)

_HOST_MODULES = (_io, random, _switches)
"""Their functions are not ops: they take no `name`."""

_functions = _named.named(_namespace("npx").values())
_functions |= _named.named(f for module in _MODULES for f in module.PUBLIC)
_functions |= _public("npx", (f for module in _HOST_MODULES for f in module.PUBLIC))
globals().update(_functions)

__all__ = ["Device", "image", "random", *_functions]  # noqa: PLE0604 - they are strings
__getattr__ = _missing_name("baryon.npx", __all__, _SimpleNamespace(), _ABSENT)
