"""Functions of compiled loops that the compiler can widen; float32. Imports numba: loaded through ``core.compiled`` only."""

from __future__ import annotations

import numpy as np
from numba import njit

F = np.float32
INT = np.int32

# Sums may be regrouped and products fused, so that the compiler can use wide registers; NaN and infinity stay as they are.
REGROUP = {"reassoc", "contract", "nsz", "arcp"}


@njit(nogil=True, cache=True, error_model="numpy")
def exp(x):  # type: ignore[no-untyped-def]
    """Return e^x of x <= 0 to 3e-7; 0 below -87.7 and for NaN. Cody and Waite's reduction, then a polynomial."""
    x = x if x > F(-88.0) else F(-88.0)
    n = np.floor(x * F(1.44269504) + F(0.5))
    r = x - n * F(0.693359375) + n * F(2.12194440e-4)
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    p = p * r * r + r + F(1.0)
    return p * INT((INT(n) + INT(127)) << INT(23)).view(F)


@njit(nogil=True, cache=True, error_model="numpy")
def log1p(x, inverse):  # type: ignore[no-untyped-def]
    """Return log(1 + x) of 0 <= x < 1e38 to 2e-7, given 1 / (1 + x); what 1 + x rounds away is added at the end."""
    u = F(1.0) + x
    lost = (x - (u - F(1.0))) * inverse
    bits = F(u).view(INT) - INT(0x3F3504F3)
    n = F(bits >> INT(23))
    f = INT((bits & INT(0x007FFFFF)) + INT(0x3F3504F3)).view(F) - F(1.0)
    p = F(7.0376836292e-2)
    p = p * f + F(-1.1514610310e-1)
    p = p * f + F(1.1676998740e-1)
    p = p * f + F(-1.2420140846e-1)
    p = p * f + F(1.4249322787e-1)
    p = p * f + F(-1.6668057665e-1)
    p = p * f + F(2.0000714765e-1)
    p = p * f + F(-2.4999993993e-1)
    p = p * f + F(3.3333331174e-1)
    z = f * f
    return f + (f * z * p + n * F(-2.12194440e-4) - F(0.5) * z) + n * F(0.693359375) + lost


@njit(nogil=True, cache=True, error_model="numpy")
def highest_of(values):  # type: ignore[no-untyped-def]
    """Return the highest number; through integers in the same order, whose maximum the compiler can widen."""
    highest = INT(-2147483648)
    for j in range(len(values)):
        bits = F(values[j]).view(INT)
        highest = max(highest, INT(bits ^ ((bits >> INT(31)) & INT(0x7FFFFFFF))))
    return INT(highest ^ ((highest >> INT(31)) & INT(0x7FFFFFFF))).view(F)


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def sum_of(values):  # type: ignore[no-untyped-def]
    total = F(0.0)
    for j in range(len(values)):
        total += values[j]
    return total
