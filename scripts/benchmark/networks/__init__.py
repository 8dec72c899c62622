"""The panel of networks that engines are compared on, as ONNX files of any batch.

Nine are in the onnx wheel (`light`), five are written here; all get seeded random weights. A file
is written when it is first asked for, into the user's cache.
"""

from benchmark.networks.panel import PANEL, Network, model_file

__all__ = ["PANEL", "Network", "model_file"]
