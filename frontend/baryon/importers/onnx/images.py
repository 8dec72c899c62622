"""ImageDecoder: files whose bytes are known while importing; their sizes decide shapes."""

from __future__ import annotations

from baryon.imagecodec import decode
from baryon.importers.onnx.node import Node, OnnxOp, Operand
from baryon.ir import Array
from baryon.ops import Calls


def _decoded(o: Calls[Operand], node: Node, encoded: Operand) -> Array:
    format = node.attr("pixel_format", "RGB")
    if format not in ("RGB", "BGR", "Grayscale"):
        raise node.unsupported(f"pixel_format={format!r}")
    content = node.known(encoded, "the bytes of the image").tobytes()
    return decode(content, flag=int(format != "Grayscale"), to_rgb=format == "RGB")


OPS = (OnnxOp("ImageDecoder", _decoded, since=20),)
