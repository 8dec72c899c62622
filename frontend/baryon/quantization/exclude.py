"""Which ops users keep in float, by name, pattern or type."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from baryon.passes.quantize import Site
from baryon.passes.quantize.sites import KINDS
from baryon.quantization.settings import SettingError, Settings

_MXNET: Mapping[str, tuple[str, ...]] = {
    "BatchNorm": (),
    "Activation": (),
    "Flatten": (),
    "RNN": ("npx.fully_connected",),
    "Concat": ("np.concatenate",),
    "Convolution": ("npx.convolution",),
    "Embedding": ("np.take",),
    "FullyConnected": ("npx.fully_connected",),
    "Pooling": ("npx.pooling",),
    "_npi_add": ("np.add",),
    "_sg_onednn_batch_dot": ("npx.batch_dot", "np.matmul"),
    "_sg_onednn_conv": ("npx.convolution",),
    "_sg_onednn_fully_connected": ("npx.fully_connected",),
    "_sg_onednn_selfatt_qk": ("ir.attention", "npx.batch_dot", "np.matmul"),
    "_sg_onednn_selfatt_valatt": ("ir.attention", "npx.batch_dot", "np.matmul"),
    "batch_dot": ("npx.batch_dot", "np.matmul"),
    "concat": ("np.concatenate",),
    "elemwise_add": ("np.add",),
    "elemwise_mul": ("np.multiply",),
    "transpose": (),
}
"""Names of MXNet's operators, with ours; none where the op is no site here."""


def excluded(sites: Sequence[Site], settings: Settings) -> dict[str, str]:
    """The sites that the settings keep in float, with the reason.

    A layer is a site's name, or what its name begins with up to a dot: "features.0" has
    "features.0.conv". A pattern has *, ? or [..], or is a part of the name. Raises SettingError for
    names and types that fit nothing, with the nearest ones.
    """
    found: dict[str, str] = {}
    for name in settings.exclude_layers:
        chosen = [s.name for s in sites if s.name == name or s.name.startswith(f"{name}.")]
        found |= dict.fromkeys(_some(chosen, name, sites), "excluded by name")
    for pattern in settings.exclude_layers_match:
        chosen = [s.name for s in sites if _matches(s.name, pattern)]
        found |= dict.fromkeys(_some(chosen, pattern, sites), f"excluded by {pattern!r}")
    for operator in settings.exclude_operators:
        types = _types(operator, sites)
        chosen = [s.name for s in sites if s.op_type in types]
        found |= dict.fromkeys(chosen, f"excluded as {operator}")
    return found


def _matches(name: str, pattern: str) -> bool:
    is_glob = any(c in pattern for c in "*?[")
    return fnmatchcase(name, pattern) if is_glob else pattern in name


def _some(chosen: list[str], given: str, sites: Sequence[Site]) -> list[str]:
    if chosen:
        return chosen
    hint = _near(given, [s.name for s in sites])
    raise SettingError(f"no op that could be quantized is called {given!r}", hint=hint)


def _types(operator: str, sites: Sequence[Site]) -> tuple[str, ...]:
    """The types of ops that a name means: ours, without its module, or MXNet's."""
    if operator in _MXNET:
        return _MXNET[operator]
    known = sorted({s.op_type for s in sites})
    types = tuple(t for t in known if operator in (t, t.rpartition(".")[2]))
    if not types:
        raise SettingError(
            f"the network has no operator {operator!r} that could be quantized",
            hint=_near(operator, [*known, *_MXNET]),
        )
    return types


def _near(name: str, known: Sequence[str]) -> str:
    """A hint with the nearest names."""
    lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), lower, 4, 0.4)
    if near:
        return f"did you mean {', '.join(lower[n] for n in near)}?"
    return f"there are {', '.join([*known][:12])}" if known else "there are none in this network"


def is_operator(name: str) -> bool:
    """Whether a name is that of a type of ops: MXNet's, or ours with or without its module."""
    return name in _MXNET or any(name in (kind, kind.rpartition(".")[2]) for kind in KINDS)
