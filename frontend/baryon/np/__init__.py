"""`mx.np`: NumPy's functions on baryon's arrays.

Most functions are derived from the op declarations; those that arrange their arguments first are in
`composite`. Outside `mx.trace` they compute at once; inside, they are recorded.
"""

import numpy as _numpy

from baryon.array import install as _install
from baryon.array import namespace as _namespace
from baryon.array import ndarray
from baryon.array.missing import missing_name as _missing_name
from baryon.np import composite as _composite
from baryon.np.names import ALIASES as _ALIASES
from baryon.np.names import CONSTANTS as _CONSTANTS
from baryon.np.names import WITH_OUT as _WITH_OUT

_functions = _namespace("np", _WITH_OUT) | {f.__name__: f for f in _composite.PUBLIC}
_functions |= {alias: _functions[name] for alias, name in _ALIASES.items()}
globals().update(_CONSTANTS, **_functions)
_install(ndarray, _functions)

__all__ = ["ndarray", *_CONSTANTS, *_functions]  # noqa: PLE0604 - they are strings
__getattr__ = _missing_name("baryon.np", __all__, _numpy)
