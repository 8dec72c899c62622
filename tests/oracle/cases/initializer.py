"""Initializers that draw nothing, and which one a name chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oracle.cases import Case


def _filled(name: str, shape: tuple[int, ...], *args: Any, **kwargs: Any) -> Case:
    def case(mx: Any) -> list[Any]:
        array = mx.np.ones(shape) * 5
        mx.init.create(name, *args, **kwargs)(mx.init.InitDesc("fc_weight"), array)
        return [array]

    return case


def _by_name(mx: Any) -> list[Any]:
    names = ("a_weight", "a_bias", "a_gamma", "a_beta", "a_min", "a_max")
    arrays = [mx.np.ones((2,)) * 5 for _ in names]
    for name, array in zip(names, arrays):  # noqa: B905
        mx.init.Constant(3.0)(mx.init.InitDesc(name), array)
    return arrays


def _asked(mx: Any) -> list[Any]:
    arrays = [mx.np.zeros((2,)), mx.np.zeros((2,))]
    mx.init.Uniform()(mx.init.InitDesc("a_bias", {"__init__": mx.init.Constant(2.0)}), arrays[0])
    mx.init.Uniform()(
        mx.init.InitDesc("a_bias", {"__init__": '["constant", {"value": 4.0}]'}), arrays[1]
    )
    return arrays


def _mixed(mx: Any) -> list[Any]:
    init = mx.init.Mixed(["a", ".*"], [mx.init.Constant(2.0), mx.init.One()])
    arrays = [mx.np.zeros((2,)), mx.np.zeros((2,))]
    for name, array in zip(("a_weight", "b_weight"), arrays):  # noqa: B905
        init(mx.init.InitDesc(name), array)
    return arrays


def _load(mx: Any) -> list[Any]:
    init = mx.init.Load({"arg:x": mx.np.array([1.0, 2.0])}, mx.init.One())
    arrays = [mx.np.zeros((2,)), mx.np.zeros((2,))]
    for name, array in zip(("x", "b_weight"), arrays):  # noqa: B905
        init(mx.init.InitDesc(name) if name != "x" else name, array)
    return arrays


def _fused(sizes: Sequence[int], **kwargs: Any) -> Case:
    def case(mx: Any) -> list[Any]:
        parts = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias", "h2r_weight")
        inits = {f"{p}_initializer": mx.init.Constant(i + 1.0) for i, p in enumerate(parts)}
        array = mx.np.zeros(sizes)
        mx.init.RNNFused(**kwargs, **inits)._init_weight("rnn_param", array)
        return [array]

    return case


CASES: Mapping[str, Case] = {
    "zeros": _filled("zeros", (2, 3)),
    "one": _filled("one", (2, 3)),
    "constant": _filled("constant", (2, 3), value=1.5),
    "bilinear": _filled("bilinear", (2, 1, 4, 4)),
    "bilinear_odd": _filled("bilinear", (1, 2, 5, 3)),
    "lstm_bias": _filled("lstmbias", (8,), forget_bias=2.0),
    "by_name": _by_name,
    "asked": _asked,
    "mixed": _mixed,
    "load": _load,
    "rnn": _fused([4 * (3 + 4 + 2)], mode="rnn_tanh", num_layers=1, state_size=4),
    "lstm": _fused(
        [2 * 8 * (3 + 2 + 2) + 2 * 8 * (4 + 2 + 2)],
        mode="lstm", num_layers=2, state_size=2, bidirectional=True,
    ),
    "lstm_projected": _fused(
        [2 * (12 * (4 + 2 + 2) + 2 * 3) + 2 * (12 * (4 + 2 + 2) + 2 * 3)],
        mode="lstm", num_layers=2, state_size=3, bidirectional=True, projection_size=2,
    ),
}  # fmt: skip
