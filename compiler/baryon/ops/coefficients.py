"""Coefficients of special functions, for their meaning in NumPy and for kernels alike.

Polynomials have the constant term first. The fits were made in Chebyshev bases at 40 digits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """erfinv(x) / x as a polynomial in w - centre, or in sqrt(w) - centre; w = -log(1 - x^2).

    of_square: which of the two. end: the piece holds for sqrt(w) below.
    """

    of_square: bool
    centre: float
    end: float
    coefficients: tuple[float, ...]


ERFINV = (
    Piece(True, 3.0, 2.449,
          (1.623542006488993, 0.24163040399766883, -0.005738135311877632, -0.0008361810758538487,
           0.00019506140542385647, -1.2717270191855453e-05, -1.7480173076360045e-06,
           4.504397688878656e-07, -2.369831832527771e-08, -5.593270701360593e-09,
           1.1161767792189265e-09, -1.2401858242457118e-11, -1.845124945740961e-11,
           1.1892146350213194e-12, 1.240994676993324e-13)),
    Piece(False, 3.25, 4.11,
          (3.08388561029765, 1.0052589665800467, 0.005370935943773454, -0.003751182617773299,
           0.0024910634620301567, -0.0016883760415847126, 0.0009557195402594264,
           -0.00035546509595174445, 1.7107070061295118e-05, 7.149160760276572e-05,
           -3.870038880465158e-05, 6.2123223150561544e-06)),
    Piece(False, 5.0, 6.2,
          (4.849906401420211, 1.0103004656684675, -0.00013872030484175728,
           -0.00021504192778639642, 7.600758401196369e-05, -1.9637254504598506e-05,
           4.4767125758476625e-06, -1.0464069174675887e-06, 3.0222039920000855e-07,
           -6.382259578720934e-08)),
)  # fmt: skip
"""Relative errors below 2e-10. float32 needs the first two: it comes no nearer to 1 than 2^-24."""

LOG_GAMMA = (0.42278433509979857, 0.3224670334234951, -0.06735230143620606, 0.02058080860560511,
             -0.007385533231666016, 0.002890502068386087, -0.0011930550850681014,
             0.0005098093345391956, -0.0002208678682036204, 9.839606708285979e-05,
             -5.279070385991343e-05, 2.415621421318062e-05)  # fmt: skip
"""log(gamma(2 + f)) / f on |f| <= 1/2, relative error 1e-10."""

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)
"""y (log(gamma(y)) - (y - 1/2) log(y) + y - log(2 pi)/2) in powers of 1/y^2 (DLMF 5.11.1)."""

INVERSE_SQUARES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)
"""y^2 (log(y) - 1/(2y) - digamma(y)) in powers of 1/y^2 (DLMF 5.11.2)."""

TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
"""y^3 (trigamma(y) - 1/y - 1/(2 y^2)) in powers of 1/y^2 (DLMF 5.15.8)."""
