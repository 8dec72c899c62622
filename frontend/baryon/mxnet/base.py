"""`mxnet.base`: what programs import from there."""

from baryon.ir import BaryonError as MXNetError

__all__ = ["MXNetError", "__version__", "numeric_types", "string_types"]

__version__ = "2.0.0"
numeric_types = (float, int)
string_types = (str,)
