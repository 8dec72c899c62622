"""Writes `model_zoo.txt.xz`: the parameters of MXNet's networks; run with MXNet 2.0.0b1.

For each network a line `[name keyword=value ...]`, then a line `name shape` for each parameter.
"""

import importlib
import lzma
from pathlib import Path
from typing import Any

mx: Any = importlib.import_module("mxnet")  # which only the oracle's interpreter has
vision = mx.gluon.model_zoo.vision

MORE = {
    "resnet18_v1": {"thumbnail": True, "classes": 10},
    "resnet50_v2": {"thumbnail": True, "classes": 100},
    "squeezenet1.1": {"classes": 7},
}


def described(name: str, **kwargs: object) -> str:
    net = vision.get_model(name, **kwargs)
    net.initialize()
    size = 299 if "inception" in name else 32 if "thumbnail" in kwargs else 224
    net(mx.np.zeros((1, 3, size, size)))
    words = " ".join([name, *(f"{k}={v}" for k, v in kwargs.items())])
    lines = (f"{k} {'x'.join(map(str, p.shape))}\n" for k, p in net.collect_params().items())
    return f"[{words}]\n{''.join(lines)}"


if __name__ == "__main__":
    mx.npx.set_np()
    text = "".join(described(name) for name in sorted(mx.gluon.model_zoo.model_store._model_sha1))
    text += "".join(described(name, **kwargs) for name, kwargs in MORE.items())
    path = Path(__file__).with_name("model_zoo.txt.xz")
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
