"""`mx.np`: NumPy's functions on baryon's arrays.

Most functions are derived from the op declarations; those that arrange their arguments first, or
combine ops, are in the modules below; what has no op is computed by NumPy (`host`). Outside
`mx.trace` they compute at once; inside, they are recorded.
"""

import numpy as _numpy

from baryon.array import install as _install
from baryon.array import namespace as _namespace
from baryon.array import ndarray
from baryon.array.border import public as _public
from baryon.array.interop import install_functions as _install_functions
from baryon.array.missing import missing_name as _missing_name
from baryon.np import creation as _creation
from baryon.np import dtypes as _dtypes
from baryon.np import einstein as _einstein
from baryon.np import host as _host
from baryon.np import linalg as linalg
from baryon.np import logic as _logic
from baryon.np import manipulation as _manipulation
from baryon.np import nans as _nans
from baryon.np import polynomials as _polynomials
from baryon.np import products as _products
from baryon.np import random as random
from baryon.np import rearranging as _rearranging
from baryon.np import reductions as _reductions
from baryon.np import replacing as _replacing
from baryon.np import searching as _searching
from baryon.np import statistics as _statistics
from baryon.np.names import ALIASES as _ALIASES
from baryon.np.names import CONSTANTS as _CONSTANTS
from baryon.np.names import WITH_OUT as _WITH_OUT

_MODULES = (
    _creation, _dtypes, _einstein, _logic, _manipulation, _nans, _polynomials, _products,
    _rearranging, _reductions, _replacing, _searching, _statistics,
)  # fmt: skip

_functions = _public("np", _host.host_functions().values())
_functions |= _namespace("np", _WITH_OUT)
_functions |= _public("np", (f for module in _MODULES for f in module.PUBLIC))
_functions |= {alias: _functions[name] for alias, name in _ALIASES.items()}
globals().update(_CONSTANTS, **_functions)
_install(ndarray, _functions)
_install_functions(
    {
        "numpy": _functions,
        "numpy.linalg": {name: getattr(linalg, name) for name in linalg.__all__},
    }
)

__all__ = ["linalg", "ndarray", "random", *_CONSTANTS, *_functions]  # noqa: PLE0604 - they are strings
__getattr__ = _missing_name("baryon.np", __all__, _numpy)
