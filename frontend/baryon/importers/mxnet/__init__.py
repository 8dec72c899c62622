"""MXNet: `import_mxnet` reads `-symbol.json` and `.params`, of 1.x and 2.x, into an `ir.Module`.

How to add an operator: docs/recipes/import-an-mxnet-op.md.
"""

from baryon.importers.mxnet.checkpoint import Checkpoint, import_mxnet, is_symbol, open_checkpoint
from baryon.importers.mxnet.table import supported_ops

__all__ = ["Checkpoint", "import_mxnet", "is_symbol", "open_checkpoint", "supported_ops"]
