"""Programs written for MXNet 2, unchanged.

    python -m baryon.mxnet train.py --epochs 3

runs a script in which `import mxnet` (and `from mxnet.gluon import nn`, ...) gives baryon. A
program can also call `baryon.mxnet.install()` before it imports mxnet. What MXNet 2 itself removed
(`mx.nd`, `mx.sym`, `mx.mod`, ...) raises an error that names the replacement.
"""

from baryon.mxnet.finder import install
from baryon.mxnet.names import RemovedNameError

__all__ = ["RemovedNameError", "install"]
