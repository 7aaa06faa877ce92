"""Compiled loops of the integration on the processor. Imports numba: loaded through ``core.compiled`` only.

Every kernel is a plain serial loop without the GIL: the same bytes come out of every run, whatever the number of threads.
All numbers are float32 unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from multimil_gui.core._kernel_math import REGROUP, F, exp, log1p, sum_of


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def sparse_product(start, column, value, weight, out):  # type: ignore[no-untyped-def]
    """Add the (n, n_columns) sparse matrix times (n_columns, n_out) ``weight`` to ``out``; four non-zeros at a time."""
    width = out.shape[1]
    for i in range(len(start) - 1):
        row = out[i]
        k, end = start[i], start[i + 1]
        while k + 4 <= end:
            a, b, c, d = weight[column[k]], weight[column[k + 1]], weight[column[k + 2]], weight[column[k + 3]]
            u, v, w, x = value[k], value[k + 1], value[k + 2], value[k + 3]
            for h in range(width):
                row[h] += u * a[h] + v * b[h] + w * c[h] + x * d[h]
            k += 4
        while k < end:
            a, u = weight[column[k]], value[k]
            for h in range(width):
                row[h] += u * a[h]
            k += 1


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def sparse_outer(start, column, value, gradient, out):  # type: ignore[no-untyped-def]
    """Add the transposed sparse matrix times (n, n_out) ``gradient`` to (n_columns, n_out) ``out``."""
    for i in range(len(start) - 1):
        row = gradient[i]
        for k in range(start[i], start[i + 1]):
            target, u = out[column[k]], value[k]
            for h in range(len(row)):
                target[h] += u * row[h]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def log_normalised(start, value, scale, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with log(1 + value * scale of the row)."""
    for i in range(len(start) - 1):
        _log_scaled(value[start[i] : start[i + 1]], scale[i], out[start[i] : start[i + 1]])


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _log_scaled(value, scale, out):  # type: ignore[no-untyped-def]
    for k in range(len(value)):
        x = value[k] * scale
        out[k] = log1p(x, F(1.0) / (F(1.0) + x))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _normalise(x, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the standardised row and return 1 / its standard deviation."""
    mean = sum_of(x) / F(len(x))
    spread = F(0.0)
    for h in range(len(x)):
        spread += (x[h] - mean) * (x[h] - mean)
    inverse = F(1.0) / np.sqrt(spread / F(len(x)) + F(1e-5))
    for h in range(len(x)):
        out[h] = (x[h] - mean) * inverse
    return inverse


@njit(nogil=True, cache=True, error_model="numpy")
def block(x, bits, limit, normal, factor, inverse, out):  # type: ignore[no-untyped-def]
    """Apply LayerNorm without affine, LeakyReLU and Dropout to (n, width) ``x``.

    ``bits`` (n, width) int16 below ``limit`` silence an entry. ``normal`` and ``inverse`` (n,) are the standardised rows
    and 1 / their standard deviation; ``factor`` is what multiplied ``normal`` to give ``out``.
    """
    scale = F(65536.0) / F(32768 - limit)
    for i in range(len(x)):
        inverse[i] = _normalise(x[i], normal[i])
        for h in range(x.shape[1]):
            f = scale if normal[i, h] > F(0.0) else scale * F(0.01)
            f = f if bits[i, h] >= limit else F(0.0)
            factor[i, h] = f
            out[i, h] = normal[i, h] * f


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _row_block_gradient(normal, factor, inverse, gradient, out):  # type: ignore[no-untyped-def]
    total, along = F(0.0), F(0.0)
    for h in range(len(out)):
        g = gradient[h] * factor[h]
        total += g
        along += g * normal[h]
    total, along = total / F(len(out)), along / F(len(out))
    for h in range(len(out)):
        out[h] = inverse * (gradient[h] * factor[h] - total - normal[h] * along)


@njit(nogil=True, cache=True, error_model="numpy")
def block_gradient(normal, factor, inverse, gradient, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the gradient of the input of :func:`block`, given that of its output."""
    for i in range(len(out)):
        _row_block_gradient(normal[i], factor[i], inverse[i], gradient[i], out[i])


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _distances(points, i, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the squared distances of the points after number ``i`` from it."""
    out[:] = F(0.0)
    for k in range(len(points)):
        here, others = points[k, i], points[k, i + 1 :]
        for j in range(len(out)):
            difference = others[j] - here
            out[j] += difference * difference


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _add_kernel(distance, gamma, kernel, slope):  # type: ignore[no-untyped-def]
    for j in range(len(distance)):
        e = exp(-gamma * distance[j])
        kernel[j] += e
        slope[j] += gamma * e


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _weigh(group, share, own, own_share, within, kernel, slope):  # type: ignore[no-untyped-def]
    """Give each pair its coefficient; return the sum of the kernel."""
    total = F(0.0)
    for j in range(len(kernel)):
        factor = within if group[j] == own else -own_share * share[j]
        total += factor * kernel[j]
        slope[j] *= factor
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _pull(points, i, slope, gradient):  # type: ignore[no-untyped-def]
    for k in range(len(points)):
        here, others, theirs, mine = points[k, i], points[k, i + 1 :], gradient[k, i + 1 :], F(0.0)
        for j in range(len(slope)):
            pull = slope[j] * (others[j] - here)
            theirs[j] += pull
            mine += pull
        gradient[k, i] -= mine


@njit(nogil=True, cache=True, error_model="numpy")
def pairwise_mmd(points, group, share, within, gammas, unbiased, gradient):  # type: ignore[no-untyped-def]
    """Return the sum of the pairs' squared MMDs (float64) and fill its gradient; see ``mmd._PairwiseMMD``.

    Parameters
    ----------
    points, gradient
        (n_latent, n); the latter zeros.
    group, share, within
        (n,) int32 group of each point, 1 / its size, and the coefficient of a pair inside it.
    """
    n = points.shape[1]
    room = np.empty((3, n), F)
    total = 0.0
    for k in range(len(points)):
        if not np.isfinite(sum_of(points[k])):
            return np.nan
    for i in range(n):
        distance, kernel, slope = room[0, i + 1 :], room[1, i + 1 :], room[2, i + 1 :]
        _distances(points, i, distance)
        kernel[:], slope[:] = F(0.0), F(0.0)
        for gamma in gammas:
            _add_kernel(distance, gamma, kernel, slope)
        rest = slice(i + 1, n)
        total += 2.0 * _weigh(group[rest], share[rest], group[i], share[i], within[i], kernel, slope)
        if not unbiased:
            total += np.float64(within[i]) * len(gammas)
        _pull(points, i, slope, gradient)
    gradient *= F(-4.0 / len(gammas))
    return total / len(gammas)
