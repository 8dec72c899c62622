"""What the passes made of a module: its text after each one that changed it.

    history = History(module)
    PassManager(passes, observer=history.observe).run(module)
    text = pack(history.snapshots)

Texts that follow each other are nearly the same, so that all of them together are packed into a
little more than one.
"""

from __future__ import annotations

import base64
import json
import lzma
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from baryon.ir import BaryonError, Module, print_module
from baryon.passes.base import Pass

SOURCE = "source"
"""The stage of a module before any pass."""
_NUMBERS = re.compile(r"\((?:[-+.\de]+, ){16,}[-+.\de]+,?\)")
"""A tuple of many numbers."""
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 3}]
MOST = 64 << 20
"""Bytes of all texts together, beyond which a packed history is taken for damage."""


@dataclass(frozen=True)
class Snapshot:
    """A module's text after a pass. step: the pass, "" before the first. stage: see `Stage`."""

    step: str
    stage: str
    text: str


@dataclass
class History:
    """Takes a module's text down, whenever a pass has changed it or left another stage."""

    module: Module
    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.snapshots.append(Snapshot("", SOURCE, text_of(self.module)))

    def observe(self, step: Pass, module: Module, changed: bool) -> None:
        """The observer of a `PassManager`."""
        last, stage = self.snapshots[-1], step.leaves.name
        if changed or stage != last.stage:
            text = text_of(module) if changed else last.text
            self.snapshots.append(Snapshot(str(step), stage, text))


def stages(snapshots: Sequence[Snapshot]) -> dict[str, str]:
    """The text at the end of each stage."""
    return {snapshot.stage: snapshot.text for snapshot in snapshots}


def text_of(module: Module) -> str:
    """The module for people, without the scales of every channel: they may outweigh the weights."""
    return _NUMBERS.sub(_shortened, print_module(module, locs=False))


def _shortened(numbers: re.Match[str]) -> str:
    first, *rest = numbers[0].strip("()").rstrip(",").split(", ")
    return f"({first}, ... {len(rest)} more)"


def pack(snapshots: Sequence[Snapshot]) -> str:
    """Base64 of LZMA2 (an .xz stream) of JSON: a list of [step, stage, text]."""
    rows = [[s.step, s.stage, s.text] for s in snapshots]
    data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(lzma.compress(data, filters=_FILTERS)).decode("ascii")


def unpack(text: str) -> list[Snapshot]:
    """The snapshots that `pack` wrote. Raises BaryonError for what it did not."""
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        data = decoder.decompress(base64.b64decode(text, validate=True), MOST)
        if not decoder.eof:
            raise ValueError("it is cut, or larger than any module")
        return [Snapshot(*map(str, row)) for row in json.loads(data)]
    except (ValueError, TypeError, lzma.LZMAError) as error:
        raise BaryonError(f"the record of passes is damaged: {error}") from error
