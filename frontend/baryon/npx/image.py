"""`mx.npx.image`: image ops that run in networks too, and the host functions of `mx.image`.

Where both have a name (`random_crop`), it is the op's.
"""

from typing import NoReturn as _NoReturn

import baryon.image as _host
from baryon.npx import crops as _crops
from baryon.npx import named as _named
from baryon.npx import pixels as _pixels

_functions = _named.named(f for module in (_pixels, _crops) for f in module.PUBLIC)
_classes = {name: getattr(_host, name) for name in dir(_host) if not name.startswith("_")}
globals().update({**_classes, **_functions})

__all__ = sorted({*_classes, *_functions})  # noqa: PLE0605


def __getattr__(name: str) -> _NoReturn:
    raise AttributeError(f"module 'baryon.npx.image' has no attribute {name!r}")
