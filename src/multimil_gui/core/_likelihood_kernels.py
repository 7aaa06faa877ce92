"""Compiled likelihoods: output of a decoder in, its gradient out, in place. Loaded through ``core.compiled`` only.

Every kernel is a plain serial loop without the GIL: the same bytes come out of every run, whatever the number of threads.
All numbers are float32 unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from multimil_gui.core._kernel_math import REGROUP, F, exp, highest_of, log1p, sum_of

TABLE = 8
"""Counts up to this many have their gamma functions in a table per feature."""

_HALF_LOG_TAU = 0.5 * np.log(2.0 * np.pi)
_LOG_FACTORIAL = float(np.log(np.arange(1.0, TABLE + 1)).sum())


@njit(nogil=True, cache=True, error_model="numpy")
def _stirling(a):  # type: ignore[no-untyped-def]
    """Return log gamma and digamma of a float64 a >= 8, to 1e-8."""
    log, inverse = np.log(a), 1.0 / a
    square = inverse * inverse
    value = (a - 0.5) * log - a + _HALF_LOG_TAU + inverse * (1.0 / 12 - square * (1.0 / 360 - square / 1260))
    return value, log - 0.5 * inverse - square * (1.0 / 12 - square * (1.0 / 120 - square / 252))


@njit(nogil=True, cache=True, error_model="numpy")
def _gammas(x, theta, table):  # type: ignore[no-untyped-def]
    """Return for any x what the (TABLE + 1, 2) table of a feature holds for small whole numbers."""
    value, slope = np.float64(table[TABLE, 0]) + _LOG_FACTORIAL, np.float64(table[TABLE, 1])
    # Upwards, until Stirling's series is exact.
    a, lifted = np.float64(x) + np.float64(theta), np.float64(x) + 1.0
    while a < TABLE:
        value -= np.log(a)
        slope -= theta / a
        a += 1.0
    while lifted < TABLE:
        value += np.log(lifted)
        lifted += 1.0
    above, slope_above = _stirling(a)
    below, slope_below = _stirling(np.float64(theta) + TABLE)
    value += above - below - _stirling(lifted)[0]
    return F(value), F(slope + theta * (slope_above - slope_below))


@njit(nogil=True, cache=True, error_model="numpy")
def gamma_tables(log_theta, theta, out):  # type: ignore[no-untyped-def]
    """Fill the tables of the gamma functions of each feature, for x <= TABLE.

    ``out[l, j, x, 0]`` is log gamma(x + theta) - log gamma(theta) - log x!, and ``out[l, j, x, 1]`` its slope in log theta.
    """
    for level in range(len(theta)):
        for j in range(theta.shape[1]):
            a = theta[level, j]
            value, slope = F(0.0), F(0.0)
            out[level, j, 0, 0], out[level, j, 0, 1] = value, slope
            for x in range(1, TABLE + 1):
                if x == 1:
                    value, inverse = log_theta[level, j], F(1.0) / a
                else:
                    inverse = F(1.0) / (a + F(x - 1))
                    value += log1p(a + F(x - 2), inverse) - np.log(F(x))
                slope += a * inverse
                out[level, j, x, 0], out[level, j, x, 1] = value, slope


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _raise(scores, highest, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with e^(score - highest) and return the sum."""
    total = F(0.0)
    for j in range(len(scores)):
        e = exp(scores[j] - highest)
        out[j] = e
        total += e
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _as_zeros(raised, scale, theta, inverse_theta, rest, soft, push, to_theta):  # type: ignore[no-untyped-def]
    """Take every count of a cell as zero.

    Fill sigmoid(-d), log(1 + e^d) and dL/dd; return the loss and the sum of dL/dd.
    """
    loss, pushed = F(0.0), F(0.0)
    for j in range(len(raised)):
        e = raised[j] * scale * inverse_theta[j]
        inverse = F(1.0) / (F(1.0) + e)
        s = log1p(e, inverse)
        p = theta[j] * e * inverse
        rest[j] = inverse
        soft[j] = s
        push[j] = p
        loss += theta[j] * s
        pushed += p
        to_theta[j] += theta[j] * s - p
    return loss, pushed


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _take_odds(soft, scores, log_scale, log_theta):  # type: ignore[no-untyped-def]
    """Turn log(1 + e^d) into log(1 + e^-d), which is d less."""
    for j in range(len(soft)):
        soft[j] -= scores[j] + log_scale - log_theta[j]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _through_softmax(raised, push, share, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the gradient of the scores: dL/dd minus each share times the sum of dL/dd."""
    for j in range(len(raised)):
        out[j] = push[j] - raised[j] * share


@njit(nogil=True, cache=True, error_model="numpy")
def _of_counts(column, count, theta, tables, rest, soft, push, to_theta):  # type: ignore[no-untyped-def]
    """Put right what :func:`_as_zeros` said of a cell's non-zeros; return the changes of the loss and of the sum."""
    loss, pushed = F(0.0), F(0.0)
    for k in range(len(column)):
        j, x = column[k], count[k]
        whole = int(x)
        if x <= TABLE and F(whole) == x:
            value, slope = tables[j, whole, 0], tables[j, whole, 1]
        else:
            value, slope = _gammas(x, theta[j], tables[j])
        loss += x * soft[j] - value
        pull = x * rest[j]
        push[j] -= pull
        pushed -= pull
        to_theta[j] += pull - slope
    return loss, pushed


@njit(nogil=True, cache=True, error_model="numpy")
def negative_binomial(  # type: ignore[no-untyped-def]
    scores, log_theta, theta, tables, level, library, start, column, count, to_theta
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
    raised, rest, soft, push = np.empty(width, F), np.empty(width, F), np.empty(width, F), np.empty(width, F)
    inverse_theta = F(1.0) / theta
    total = 0.0
    for i in range(n):
        own, row, mine = level[i], scores[i], slice(start[i], start[i + 1])
        if not np.isfinite(sum_of(row)):
            return np.nan
        highest = highest_of(row)
        raised_sum = _raise(row, highest, raised)
        scale = library[i] / raised_sum
        loss, pushed = _as_zeros(raised, scale, theta[own], inverse_theta[own], rest, soft, push, to_theta[own])
        _take_odds(soft, row, np.log(scale) - highest, log_theta[own])
        more, pulled = _of_counts(column[mine], count[mine], theta[own], tables[own], rest, soft, push, to_theta[own])
        total += np.float64(loss) + np.float64(more)
        _through_softmax(raised, push, (pushed + pulled) / raised_sum, row)
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
def _as_absent(scores):  # type: ignore[no-untyped-def]
    """Return the sum of log(1 + e^s) and turn the scores into its gradient sigmoid(s)."""
    loss = F(0.0)
    for j in range(len(scores)):
        s = scores[j]
        e = exp(-abs(s))
        inverse = F(1.0) / (F(1.0) + e)
        loss += max(s, F(0.0)) + log1p(e, inverse)
        scores[j] = inverse if s > F(0.0) else e * inverse
    return loss


@njit(nogil=True, cache=True, error_model="numpy")
def bernoulli(scores, start, column, count):  # type: ignore[no-untyped-def]
    """Return the negative log-likelihood (float64) of "not zero" and turn the scores into their gradient."""
    total = 0.0
    for i in range(len(scores)):
        row = scores[i]
        if not np.isfinite(sum_of(row)):
            return np.nan
        present = F(0.0)
        for k in range(start[i], start[i + 1]):
            present += row[column[k]] if count[k] > F(0.0) else F(0.0)
        total += np.float64(_as_absent(row)) - np.float64(present)
        for k in range(start[i], start[i + 1]):
            row[column[k]] -= F(1.0) if count[k] > F(0.0) else F(0.0)
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=REGROUP)
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
