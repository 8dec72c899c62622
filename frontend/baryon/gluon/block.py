"""Blocks: `Block`, `HybridBlock` and `SymbolBlock`, where MXNet has them."""

from baryon.gluon.base_block import Block
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.symbol_block import SymbolBlock

__all__ = ["Block", "HybridBlock", "SymbolBlock"]
