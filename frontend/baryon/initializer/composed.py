"""Initializers made of others, or of saved values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from baryon.initializer.base import (
    LOG,
    InitDesc,
    InitError,
    Initializer,
    create,
    elements,
)

GATES: Mapping[str, int] = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}
"""Gates of a recurrent layer by its mode."""


class Load(Initializer):
    """Saved values by name; `default_init` for names that were not saved.

    param: names (perhaps with the prefix `arg:` or `aux:`) to arrays. verbose: log each.
    """

    def __init__(
        self, param: Mapping[str, Any], default_init: Any = None, verbose: bool = False
    ) -> None:
        super().__init__()
        if isinstance(param, str):
            raise InitError("Load takes a dict of arrays", hint="read the file with mx.npx.load")
        self.param = {k.removeprefix("arg:").removeprefix("aux:"): v for k, v in param.items()}
        self.default_init, self.verbose = default_init, verbose

    def __call__(self, desc: str, arr: Any) -> None:
        """Fill an array with the saved value of this name."""
        self._init_weight(InitDesc(desc), arr)

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        saved = self.param.get(str(desc))
        if saved is None and self.default_init is None:
            raise InitError(f"{str(desc)!r} was not saved", hint="give Load a default_init")
        if saved is None:
            create(self.default_init)(InitDesc(desc), arr)
        elif tuple(saved.shape) != tuple(arr.shape):
            raise InitError(f"{str(desc)!r} has the shape {arr.shape}, the saved one {saved.shape}")
        else:
            arr[...] = elements(saved)
        if self.verbose:
            LOG.info("initialized %s %s", desc, "by default" if saved is None else "by loading")


class Mixed(Initializer):
    """The initializer of the first pattern (a regular expression) that a name begins with."""

    def __init__(self, patterns: Sequence[str], initializers: Sequence[Any]) -> None:
        super().__init__()
        if len(patterns) != len(initializers):
            raise InitError(f"{len(patterns)} patterns, but {len(initializers)} initializers")
        self.map = [(re.compile(p), i) for p, i in zip(patterns, initializers, strict=True)]

    def __call__(self, desc: str, arr: Any) -> None:
        """Fill an array by the initializer of its name."""
        self._init_weight(InitDesc(desc), arr)

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        for pattern, init in self.map:
            if pattern.match(desc):
                create(init)(InitDesc(desc), arr)
                return
        raise InitError(f"no pattern fits {str(desc)!r}", hint="end the patterns with '.*'")


class RNNFused(Initializer):
    """The one vector of parameters of a fused recurrent layer, part by part.

    Weights come first, then biases: layer by layer, direction by direction, `i2h`, `h2h` (and
    `h2r`). Parts without an initializer take the network's.
    """

    def __init__(
        self,
        mode: str,
        num_layers: int,
        state_size: int,
        bidirectional: bool = False,
        projection_size: int | None = None,
        i2h_weight_initializer: Any = None,
        h2h_weight_initializer: Any = None,
        i2h_bias_initializer: Any = None,
        h2h_bias_initializer: Any = None,
        h2r_weight_initializer: Any = None,
    ) -> None:
        if mode not in GATES:
            raise InitError(f"mode={mode!r} is none of {', '.join(GATES)}")
        super().__init__(
            mode=mode, num_layers=num_layers, state_size=state_size, bidirectional=bidirectional,
            projection_size=projection_size,
        )  # fmt: skip
        self.gates, self.num_layers, self.num_hidden = GATES[mode], num_layers, state_size
        self.dir, self.projection_size = 2 if bidirectional else 1, projection_size
        self._parts = {
            "i2h_weight": i2h_weight_initializer,
            "h2h_weight": h2h_weight_initializer,
            "i2h_bias": i2h_bias_initializer,
            "h2h_bias": h2h_bias_initializer,
            "h2r_weight": h2r_weight_initializer,
        }

    def set_initializer(self, init: Any) -> None:
        """Set what parts without an initializer take."""
        self._parts = {k: init if v is None else v for k, v in self._parts.items()}

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        begin = 0
        for name, shape in self._layout(arr.shape[0]):
            part = np.zeros(shape, np.float32)
            self._fill(name, part, getattr(desc, "global_init", None))
            arr[begin : begin + part.size] = part.reshape(-1)
            begin += part.size
        if begin != arr.shape[0]:
            raise InitError(f"{str(desc)!r} has {arr.shape[0]} elements, the layer {begin}")

    def _fill(self, name: str, part: Any, default: Any) -> None:
        init = self._parts[name]
        if init is not None:
            create(init)._init_weight(InitDesc(name), part)
        else:
            create("uniform" if default is None else default)(InitDesc(name), part)

    def _layout(self, length: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The parts in order, with the shape of each."""
        rows = self.gates * self.num_hidden
        fed_back = self.projection_size or self.num_hidden
        first = self._input_size(length)
        cells = range(self.num_layers * self.dir)
        for cell in cells:
            yield "i2h_weight", (rows, first if cell < self.dir else fed_back * self.dir)
            yield "h2h_weight", (rows, fed_back)
            if self.projection_size:
                yield "h2r_weight", (self.projection_size, self.num_hidden)
        for _ in cells:
            yield "i2h_bias", (rows,)
            yield "h2h_bias", (rows,)

    def _input_size(self, length: int) -> int:
        rows = self.gates * self.num_hidden * self.dir
        fed_back = self.projection_size or self.num_hidden
        later = (self.num_layers - 1) * rows * (fed_back * self.dir + fed_back + 2)
        projected = (self.projection_size or 0) * self.num_hidden * self.num_layers * self.dir
        return (length - later - projected) // rows - 2 - fed_back
