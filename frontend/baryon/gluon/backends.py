"""The backends that `optimize_for` knows, and their options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from baryon.gluon.errors import BlockError, CallError, here

BACKENDS: Mapping[str, str] = {
    "ONEDNN": "fuses by the pattern groups of docs/patterns.md",
    "static_shape": "the same; ops whose shapes depend on data run on the host in any case",
}
"""Names, of MXNet, and what they do here: there is one compiler."""

_IGNORED = frozenset({"dedup_subgraph", "skip_infer"})
"""Options of MXNet's partitioner that change no result and have nothing to say here."""


def options_of(backend: str | None, options: Mapping[str, Any]) -> tuple[str | Iterable[str], str]:
    """The patterns and the precision that a call asks for (as of `mx.compile`).

    Raises BlockError for a backend that there is not, CallError for other options.
    """
    if backend is not None and backend not in BACKENDS:
        raise BlockError(
            f"there is no backend {backend!r}",
            where=here(),
            hint=f"backends: {', '.join(BACKENDS)}, or None, which is ONEDNN",
        )
    unknown = options.keys() - _IGNORED - {"patterns", "precision"}
    if unknown:
        raise CallError(
            f"optimize_for has no option {', '.join(sorted(unknown))}",
            where=here(),
            hint='options: patterns="all", "none" or names (docs/patterns.md); '
            'precision="fp32" or "bf16" (docs/precision.md)',
        )
    chosen: str | Iterable[str] = options.get("patterns", "all")
    return chosen, str(options.get("precision", "fp32"))
