"""Time value of money, on NumPy's arrays: functions that NumPy had until version 1.20.

Payments in are positive and payments out negative. Of any five that belong together,

    fv + pv (1 + rate)^nper + pmt (1 + rate when) ((1 + rate)^nper - 1) / rate = 0

with nper payments, when = 0 for payments at the end of a period ("end") and 1 for its beginning
("begin"); for rate = 0 it reads fv + pv + pmt nper = 0. See the numpy-financial project's manual.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_WHEN = {"end": 0, "e": 0, "finish": 0, 0: 0, "begin": 1, "b": 1, "start": 1, "beginning": 1, 1: 1}


def _when(when: Any) -> Any:
    if isinstance(when, str | int):
        return _WHEN[when]
    return np.asarray(when)


def _growth(rate: Any, nper: Any, when: Any) -> tuple[Any, Any]:
    """(1 + rate)^nper, and what a payment of 1 in each period grows to."""
    growth = (1 + rate) ** nper
    safe = np.where(rate == 0, 1, rate)
    return growth, np.where(rate == 0, nper, (1 + rate * when) * (growth - 1) / safe)


def pv(rate: Any, nper: Any, pmt: Any, fv: Any = 0, when: Any = "end") -> Any:
    """The present value of nper payments and a final value."""
    rate, nper, pmt, fv = (np.asarray(x, np.float64) for x in (rate, nper, pmt, fv))
    growth, annuity = _growth(rate, nper, _when(when))
    return -(fv + pmt * annuity) / growth


def pmt(rate: Any, nper: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """The payment in each of nper periods."""
    rate, nper, pv, fv = (np.asarray(x, np.float64) for x in (rate, nper, pv, fv))
    growth, annuity = _growth(rate, nper, _when(when))
    return -(fv + pv * growth) / annuity


def ppmt(rate: Any, per: Any, nper: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """The part of the payment in period `per` (1 is the first) that pays back the principal."""
    rate, per, nper, pv = (np.asarray(x, np.float64) for x in (rate, per, nper, pv))
    at = _when(when)
    total = pmt(rate, nper, pv, fv, at)
    growth, annuity = _growth(rate, per - 1, at)
    interest = -(pv * growth + total * annuity) * rate
    interest = np.where(np.equal(at, 1), interest / (1 + rate), interest)
    interest = np.where(np.equal(at, 1) & (per == 1), 0, interest)
    return total - interest


def npv(rate: Any, values: Any) -> Any:
    """The value now of payments of which the first is due now, one each period."""
    values = np.atleast_1d(np.asarray(values, np.float64))
    return (values / (1 + np.float64(rate)) ** np.arange(len(values))).sum(axis=0)


def mirr(values: Any, finance_rate: Any, reinvest_rate: Any) -> Any:
    """The modified internal rate of return; NaN unless payments go both in and out.

    Payments out are financed at one rate, payments in are invested at the other.
    """
    values = np.asarray(values, np.float64)
    gains, costs = np.where(values > 0, values, 0), np.where(values < 0, values, 0)
    if not gains.any() or not costs.any():
        return np.float64("nan")
    ratio = np.abs(npv(reinvest_rate, gains)) / np.abs(npv(finance_rate, costs))
    return ratio ** (1 / (values.size - 1)) * (1 + reinvest_rate) - 1


def rate(
    nper: Any, pmt: Any, pv: Any, fv: Any, when: Any = "end", guess: Any = 0.1, tol: Any = 1e-6,
    maxiter: int = 100,
) -> Any:  # fmt: skip
    """The interest rate of a period, by Newton's method; NaN where it does not converge."""
    nper, pmt, pv, fv = (np.asarray(x, np.float64) for x in (nper, pmt, pv, fv))
    at, found = _when(when), np.float64(guess) + 0 * (nper + pmt + pv + fv)
    for _ in range(maxiter):
        step = _balance(found, nper, pmt, pv, fv, at)
        found = found - step
        if np.all(np.abs(step) < tol):
            return found
    return np.where(np.abs(step) < tol, found, np.nan)


def _balance(rate: Any, nper: Any, pmt: Any, pv: Any, fv: Any, when: Any) -> Any:
    """Newton's step: the equation at the top of this file over its derivative by the rate."""
    growth, before = (1 + rate) ** nper, nper * (1 + rate) ** (nper - 1)
    due = 1 + rate * when
    value = fv + pv * growth + pmt * due * (growth - 1) / rate
    slope = (
        pv * before
        + pmt * (when * (growth - 1) + due * before) / rate
        - pmt * due * (growth - 1) / rate**2
    )
    return value / slope
