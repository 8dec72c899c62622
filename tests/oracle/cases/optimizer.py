"""Five updates of two parameters by every optimizer, and what they leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

STEPS = 5
SHAPES = ((3, 4), (5,))

PLAIN: Mapping[str, Mapping[str, Any]] = {
    "SGD": {},
    "NAG": {"momentum": 0.8},
    "Signum": {},
    "DCASGD": {"momentum": 0.5},
    "AdaGrad": {},
    "AdaDelta": {},
    "Adam": {},
    "AdamW": {},
    "AdaBelief": {},
    "Adamax": {},
    "Ftrl": {},
    "FTML": {},
    "RMSProp": {},
    "LARS": {"momentum": 0.9},
    "LAMB": {},
    "LANS": {},
}
DRESSED: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "wd": 0.03,
    "rescale_grad": 0.5,
    "clip_gradient": 0.4,
}


def _course(
    name: str, shapes: Any = SHAPES, dtype: str = "float32", scheduled: bool = False, **kw: Any
) -> Case:
    def case(mx: Any) -> list[Any]:
        if scheduled:
            kw["lr_scheduler"] = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.1)
        optimizer = mx.optimizer.create(name, **kw)
        return _run(mx, optimizer, shapes, dtype)

    return case


def _run(mx: Any, optimizer: Any, shapes: Any, dtype: str) -> list[Any]:
    random = np.random.RandomState(7)
    updater = mx.optimizer.get_updater(optimizer)
    weights = [mx.np.array(random.randn(*s), dtype=dtype) for s in shapes]
    after_first = []
    for step in range(STEPS):
        for i, weight in enumerate(weights):
            grad = mx.np.array(random.randn(*weight.shape), dtype=dtype)
            updater(i, grad, weight)
        if step == 0:
            after_first = [w.asnumpy() for w in weights]
    return [*after_first, *weights]


def _multipliers(mx: Any) -> list[Any]:
    optimizer = mx.optimizer.SGD(0.1, wd=0.1, param_idx2name={0: "a", 1: "b"})
    optimizer.set_lr_mult({"a": 0.5})
    optimizer.set_wd_mult({"b": 0.0, 0: 3.0})
    return _run(mx, optimizer, SHAPES, "float32")


def _counts_from(mx: Any) -> list[Any]:
    optimizer = mx.optimizer.Adam(0.1, begin_num_update=10)
    return [*_run(mx, optimizer, SHAPES, "float32"), optimizer.num_update]


CASES: Mapping[str, Case] = {
    **{name: _course(name, **kw) for name, kw in PLAIN.items()},
    **{f"{name}_dressed": _course(name, **{**kw, **DRESSED}) for name, kw in PLAIN.items()},
    "Nadam": _course("Nadam", [(3, 4)]),
    "Nadam_dressed": _course("Nadam", [(3, 4)], **DRESSED),
    "SGD_momentum": _course("SGD", momentum=0.9, **DRESSED),
    "NAG_plain": _course("NAG", momentum=0.0, **DRESSED),
    "Signum_plain": _course("Signum", momentum=0.0, **DRESSED),
    "Signum_lh": _course("Signum", wd_lh=0.1, **DRESSED),
    "DCASGD_plain": _course("DCASGD", **DRESSED),
    "AdamW_raw": _course("AdamW", correct_bias=False, **DRESSED),
    "AdaBelief_raw": _course("AdaBelief", correct_bias=False, **DRESSED),
    "RMSProp_centered": _course("RMSProp", centered=True, **DRESSED),
    "RMSProp_clipped": _course("RMSProp", clip_weights=0.5, **DRESSED),
    "LAMB_bounds": _course("LAMB", lower_bound=0.3, upper_bound=1.5, **DRESSED),
    "LAMB_raw": _course("LAMB", bias_correction=False, **DRESSED),
    "LANS_bounds": _course("LANS", lower_bound=0.3, upper_bound=1.5, **DRESSED),
    "LARS_plain": _course("LARS", **DRESSED),
    "GroupAdaGrad": _course("GroupAdaGrad", [(3, 4), (5, 2)], rescale_grad=0.5, clip_gradient=0.4),
    "SGD_half": _course("SGD", dtype="float16", momentum=0.9, multi_precision=True, **DRESSED),
    "Adam_half": _course("Adam", dtype="float16", multi_precision=True, **DRESSED),
    "SGD_scheduled": _course("SGD", scheduled=True, momentum=0.9),
    "Test": _course("Test", learning_rate=0.1, wd=0.1, rescale_grad=0.5),
    "multipliers": _multipliers,
    "counts_from": _counts_from,
}
TOLERANCES = {
    "AdaBelief_raw": (2e-4, 5e-5),  # MXNet rounds 1 - beta2 to 15 bits, and a small v divides
    "SGD_half": (2e-3, 2e-3),  # half precision has 11 bits
    "Adam_half": (2e-3, 2e-3),
}
