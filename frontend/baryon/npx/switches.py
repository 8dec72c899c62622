"""MXNet 2's switches of semantics, as `mx.npx` offers them."""

from baryon.array.switches import PUBLIC

__all__ = ["PUBLIC"]
