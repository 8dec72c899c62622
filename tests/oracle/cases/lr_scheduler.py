"""Learning-rate schedules over their whole course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

UPDATES = (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 13, 17, 20, 21, 25, 30, 40)
WARM = {"warmup_steps": 5, "warmup_begin_lr": 0.01}


def _course(name: str, *args: Any, **kwargs: Any) -> Case:
    def case(mx: Any) -> list[np.ndarray[Any, Any]]:
        schedule = getattr(mx.lr_scheduler, name)(*args, **kwargs)
        return [np.array([schedule(n) for n in UPDATES])]

    return case


def _warmup(mode: str) -> Case:
    def case(mx: Any) -> list[np.ndarray[Any, Any]]:
        schedule = mx.lr_scheduler.LRScheduler(base_lr=0.3, warmup_mode=mode, **WARM)
        return [np.array([schedule.get_warmup_lr(n) for n in range(5)], float)]

    return case


CASES: Mapping[str, Case] = {
    "warmup_linear": _warmup("linear"),
    "warmup_constant": _warmup("constant"),
    "factor": _course("FactorScheduler", step=3, factor=0.5, base_lr=0.4),
    "factor_stops": _course("FactorScheduler", 2, 0.1, stop_factor_lr=1e-3, base_lr=0.4),
    "factor_warm": _course("FactorScheduler", step=4, factor=0.5, base_lr=0.4, **WARM),
    "multi_factor": _course("MultiFactorScheduler", step=[4, 10, 20], factor=0.3, base_lr=0.4),
    "multi_factor_warm": _course(
        "MultiFactorScheduler",
        step=[7, 21],
        factor=0.3,
        base_lr=0.4,
        warmup_mode="constant",
        **WARM,
    ),
    "poly": _course("PolyScheduler", max_update=20, base_lr=0.4, pwr=2, final_lr=0.02),
    "poly_warm": _course("PolyScheduler", max_update=25, base_lr=0.4, pwr=3, **WARM),
    "cosine": _course("CosineScheduler", max_update=20, base_lr=0.4, final_lr=0.02),
    "cosine_warm": _course("CosineScheduler", max_update=25, base_lr=0.4, **WARM),
}
