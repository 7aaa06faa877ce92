"""Compiled loops of the integration on the processor. Imports numba: loaded through ``core.compiled`` only.

Every kernel is a plain serial loop without the GIL: the same bytes come out of every run, whatever the number of threads.
All numbers are float32 unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

F = np.float32
INT = np.int32

# Sums may be regrouped and products fused, so that the compiler can use wide registers; NaN and infinity stay as they are.
_REGROUP = {"reassoc", "contract", "nsz", "arcp"}

TABLE = 8
"""Counts up to this many have their gamma functions in a table per feature."""

_HALF_LOG_TAU = 0.5 * np.log(2.0 * np.pi)


@njit(nogil=True, cache=True, error_model="numpy")
def _exp(x):  # type: ignore[no-untyped-def]
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
def _log1p(x, inverse):  # type: ignore[no-untyped-def]
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
def _highest(values):  # type: ignore[no-untyped-def]
    """Return the highest number; through integers in the same order, whose maximum the compiler can widen."""
    highest = INT(-2147483648)
    for j in range(len(values)):
        bits = F(values[j]).view(INT)
        highest = max(highest, INT(bits ^ ((bits >> INT(31)) & INT(0x7FFFFFFF))))
    return INT(highest ^ ((highest >> INT(31)) & INT(0x7FFFFFFF))).view(F)


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _sum(values):  # type: ignore[no-untyped-def]
    total = F(0.0)
    for j in range(len(values)):
        total += values[j]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _stirling(a):  # type: ignore[no-untyped-def]
    """Return log gamma and digamma of a float64 a >= 8, to 1e-8."""
    log, inverse = np.log(a), 1.0 / a
    square = inverse * inverse
    value = (a - 0.5) * log - a + _HALF_LOG_TAU + inverse * (1.0 / 12 - square * (1.0 / 360 - square / 1260))
    return value, log - 0.5 * inverse - square * (1.0 / 12 - square * (1.0 / 120 - square / 252))


@njit(nogil=True, cache=True, error_model="numpy")
def _rising(x, theta, table_value, table_slope):  # type: ignore[no-untyped-def]
    """Return log gamma(x + theta) - log gamma(theta) and its slope in theta, given both for x = TABLE."""
    value, slope = np.float64(table_value), np.float64(table_slope)
    a = np.float64(x) + np.float64(theta)
    while a < TABLE:
        value -= np.log(a)
        slope -= 1.0 / a
        a += 1.0
    above, slope_above = _stirling(a)
    below, slope_below = _stirling(np.float64(theta) + TABLE)
    return F(value + above - below), F(slope + slope_above - slope_below)


@njit(nogil=True, cache=True, error_model="numpy")
def gamma_tables(log_theta, theta, out):  # type: ignore[no-untyped-def]
    """Fill ``out[l, j, x]``, x <= TABLE, with log gamma(x + theta[l, j]) - log gamma(theta[l, j]) and its slope."""
    for level in range(len(theta)):
        for j in range(theta.shape[1]):
            a = theta[level, j]
            value, slope = log_theta[level, j], F(1.0) / a
            out[level, j, 0, 0], out[level, j, 0, 1] = F(0.0), F(0.0)
            out[level, j, 1, 0], out[level, j, 1, 1] = value, slope
            for x in range(2, TABLE + 1):
                before = a + F(x - 2)
                inverse = F(1.0) / (before + F(1.0))
                value += _log1p(before, inverse)
                slope += inverse
                out[level, j, x, 0], out[level, j, x, 1] = value, slope


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _raise(scores, highest, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with e^(score - highest) and return the sum."""
    total = F(0.0)
    for j in range(len(scores)):
        e = _exp(scores[j] - highest)
        out[j] = e
        total += e
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _as_zeros(raised, scale, theta, inverse_theta, soft, push, to_theta):  # type: ignore[no-untyped-def]
    """Take every count of a cell as zero: fill log(1 + e^d) and dL/dd, return the loss and the sum of dL/dd."""
    loss, pushed = F(0.0), F(0.0)
    for j in range(len(raised)):
        e = raised[j] * scale * inverse_theta[j]
        inverse = F(1.0) / (F(1.0) + e)
        s = _log1p(e, inverse)
        p = theta[j] * e * inverse
        soft[j] = s
        push[j] = p
        loss += theta[j] * s
        pushed += p
        to_theta[j] += theta[j] * s - p
    return loss, pushed


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _through_softmax(raised, push, share, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the gradient of the scores: dL/dd minus each share times the sum of dL/dd."""
    for j in range(len(raised)):
        out[j] = push[j] - raised[j] * share


@njit(nogil=True, cache=True, error_model="numpy")
def _of_counts(  # type: ignore[no-untyped-def]
    column, count, scores, log_scale, log_theta, theta, inverse_theta, tables, log_factorial, soft, push, to_theta
):
    """Put right what :func:`_as_zeros` said of a cell's non-zeros; return the changes of the loss and of the sum."""
    loss, pushed = F(0.0), F(0.0)
    for k in range(len(column)):
        j, x = column[k], count[k]
        whole = int(x)
        if x <= TABLE and F(whole) == x:
            rising, slope = tables[j, whole, 0], tables[j, whole, 1]
        else:
            rising, slope = _rising(x, theta[j], tables[j, TABLE, 0], tables[j, TABLE, 1])
        if whole < len(log_factorial) and F(whole) == x:
            factorial = log_factorial[whole]
        else:
            factorial = _rising(x, F(1.0), log_factorial[TABLE], F(0.0))[0]
        d = scores[j] + log_scale - log_theta[j]
        loss += x * (soft[j] - d) - rising + factorial
        pull = x * (F(1.0) - push[j] * inverse_theta[j])
        push[j] -= pull
        pushed -= pull
        to_theta[j] += pull - theta[j] * slope
    return loss, pushed


@njit(nogil=True, cache=True, error_model="numpy")
def negative_binomial(  # type: ignore[no-untyped-def]
    scores, log_theta, theta, tables, log_factorial, level, library, start, column, count, to_theta
):
    """Return the negative log-likelihood of counts (float64), and turn the scores into their gradient.

    With d = log mean - log theta the loss of a zero is theta log(1 + e^d), so that a row needs one exponential and one
    logarithm per feature; a count x > 0 adds x log(1 + e^-d) - log gamma(x + theta) + log gamma(theta) + log x!.

    Parameters
    ----------
    scores
        (n, n_features) decoder output; overwritten with the gradient.
    log_theta, theta
        (n_levels, n_features).
    tables
        (n_levels, n_features, TABLE + 1, 2) from :func:`gamma_tables`.
    log_factorial
        log x! of the first counts.
    level
        (n,) int64 row of ``theta`` of each cell.
    library
        (n,) counts per cell.
    start, column, count
        The counts by their non-zeros; ``start`` has n + 1 entries, counted in the whole batch.
    to_theta
        (n_levels, n_features), the gradient of log theta is added.
    """
    n, width = scores.shape
    raised, soft, push = np.empty(width, F), np.empty(width, F), np.empty(width, F)
    inverse_theta = F(1.0) / theta
    total = 0.0
    for i in range(n):
        own, row = level[i], scores[i]
        if not np.isfinite(_sum(row)):
            return np.nan
        highest = _highest(row)
        raised_sum = _raise(row, highest, raised)
        scale = library[i] / raised_sum
        loss, pushed = _as_zeros(raised, scale, theta[own], inverse_theta[own], soft, push, to_theta[own])
        more, pulled = _of_counts(
            column[start[i] : start[i + 1]],
            count[start[i] : start[i + 1]],
            row,
            np.log(scale) - highest,
            log_theta[own],
            theta[own],
            inverse_theta[own],
            tables[own],
            log_factorial,
            soft,
            push,
            to_theta[own],
        )
        total += np.float64(loss) + np.float64(more)
        _through_softmax(raised, push, (pushed + pulled) / raised_sum, row)
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
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


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def sparse_outer(start, column, value, gradient, out):  # type: ignore[no-untyped-def]
    """Add the transposed sparse matrix times (n, n_out) ``gradient`` to (n_columns, n_out) ``out``."""
    for i in range(len(start) - 1):
        row = gradient[i]
        for k in range(start[i], start[i + 1]):
            target, u = out[column[k]], value[k]
            for h in range(len(row)):
                target[h] += u * row[h]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def log_normalised(start, value, scale, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with log(1 + value * scale of the row)."""
    for i in range(len(start) - 1):
        _log_scaled(value[start[i] : start[i + 1]], scale[i], out[start[i] : start[i + 1]])


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _log_scaled(value, scale, out):  # type: ignore[no-untyped-def]
    for k in range(len(value)):
        x = value[k] * scale
        out[k] = _log1p(x, F(1.0) / (F(1.0) + x))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _normalise(x, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the standardised row and return 1 / its standard deviation."""
    mean = _sum(x) / F(len(x))
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


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
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


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _as_absent(scores):  # type: ignore[no-untyped-def]
    """Return the sum of log(1 + e^s) and turn the scores into its gradient sigmoid(s)."""
    loss = F(0.0)
    for j in range(len(scores)):
        s = scores[j]
        e = _exp(-abs(s))
        inverse = F(1.0) / (F(1.0) + e)
        loss += max(s, F(0.0)) + _log1p(e, inverse)
        scores[j] = inverse if s > F(0.0) else e * inverse
    return loss


@njit(nogil=True, cache=True, error_model="numpy")
def bernoulli(scores, start, column, count):  # type: ignore[no-untyped-def]
    """Return the negative log-likelihood (float64) of "not zero" and turn the scores into their gradient."""
    total = 0.0
    for i in range(len(scores)):
        row = scores[i]
        if not np.isfinite(_sum(row)):
            return np.nan
        present = F(0.0)
        for k in range(start[i], start[i + 1]):
            present += row[column[k]] if count[k] > F(0.0) else F(0.0)
        total += np.float64(_as_absent(row)) - np.float64(present)
        for k in range(start[i], start[i + 1]):
            row[column[k]] -= F(1.0) if count[k] > F(0.0) else F(0.0)
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _twice(scores):  # type: ignore[no-untyped-def]
    """Return the sum of the squares and double the scores."""
    total = F(0.0)
    for j in range(len(scores)):
        total += scores[j] * scores[j]
        scores[j] *= F(2.0)
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def squared_error(scores, start, column, value):  # type: ignore[no-untyped-def]
    """Return the squared error (float64) against sparse values and turn the scores into their gradient."""
    total = 0.0
    for i in range(len(scores)):
        row = scores[i]
        total += np.float64(_twice(row))
        for k in range(start[i], start[i + 1]):
            j, x = column[k], value[k]
            total += np.float64(x * (x - row[j]))
            row[j] -= F(2.0) * x
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _distances(points, i, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the squared distances of the points after number ``i`` from it."""
    out[:] = F(0.0)
    for k in range(len(points)):
        here, others = points[k, i], points[k, i + 1 :]
        for j in range(len(out)):
            difference = others[j] - here
            out[j] += difference * difference


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _add_kernel(distance, gamma, kernel, slope):  # type: ignore[no-untyped-def]
    for j in range(len(distance)):
        e = _exp(-gamma * distance[j])
        kernel[j] += e
        slope[j] += gamma * e


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _weigh(group, share, own, own_share, within, kernel, slope):  # type: ignore[no-untyped-def]
    """Give each pair its coefficient; return the sum of the kernel."""
    total = F(0.0)
    for j in range(len(kernel)):
        factor = within if group[j] == own else -own_share * share[j]
        total += factor * kernel[j]
        slope[j] *= factor
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
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
        if not np.isfinite(_sum(points[k])):
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
