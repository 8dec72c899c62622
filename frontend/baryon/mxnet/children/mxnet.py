"""`mxnet` for processes that a script started: `python -m baryon.mxnet` puts it on their path."""

import importlib
import sys

from baryon.mxnet import install

BARYON_STUB = True

install()
del sys.modules["mxnet"]
importlib.import_module("mxnet")
