"""Compiled loops of the multiple-instance head on the processor. Imports numba: loaded through ``core.compiled`` only.

Cells are taken a tile at a time, one cell per lane, so that every step of the network is a loop over a tile that stays in
the nearest caches. Nothing is kept for the backward pass: it computes a tile again, which costs less than to store and
read it. Plain serial loops without the GIL: the same bytes come out of every run, whatever the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from multimil_gui.core._kernel_math import exp

F = np.float32

# Sums may be regrouped and products fused, so that the compiler can use wide registers; NaN and infinity stay as they are.
_REGROUP = {"reassoc", "contract", "nsz", "arcp"}

EPSILON = F(1e-5)
"""Added to the variance by the LayerNorm, as in torch."""

SLOPE = F(0.01)
"""Slope of the LeakyReLU below 0, as in torch."""

EVEN, PLAIN, GATED = 0, 1, 2
"""How the cells share: all alike, by attention (eq 11), by gated attention (eq 12)."""


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _values(x, cells, n, bits, limit, kept, cell, bias, tile, normal, inverse, factor, value):  # type: ignore[no-untyped-def]
    """Fill the tile, its LayerNorm, and what is pooled; ``factor`` is what the LayerNorm's output is multiplied by."""
    width, lanes = tile.shape
    for i in range(n):
        row = x[cells[i]]
        for k in range(width):
            tile[k, i] = row[k]
    np.dot(cell.T, tile, normal)
    for i in range(lanes):
        inverse[i] = F(0.0)
    for j in range(width):
        for i in range(lanes):
            h = normal[j, i] + bias[j]
            normal[j, i] = h
            inverse[i] += h * h
    scale = F(1.0) / F(width)
    for i in range(lanes):
        inverse[i] = F(1.0) / np.sqrt(inverse[i] * scale + EPSILON)
    for j in range(width):
        for i in range(lanes):
            h = normal[j, i] * inverse[i]
            f = kept if h > F(0.0) else kept * SLOPE
            f = f if bits[j, i] >= limit else F(0.0)
            normal[j, i] = h
            factor[j, i] = f
            value[j, i] = h * f


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = exp(-abs(x))
    s = F(1.0) / (F(1.0) + e)
    return s if x >= F(0.0) else e * s


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def _scores(value, n, gated, attention, bias, last, hidden, score):  # type: ignore[no-untyped-def]
    """Fill tanh and gate of each unit of the attention, and the score of each cell; -inf where the tile has no cell."""
    units, lanes = len(last), len(score)
    np.dot(attention.T, value, hidden)
    for i in range(lanes):
        score[i] = F(0.0)
    for j in range(units):
        for i in range(lanes):
            hidden[j, i] = F(2.0) * _sigmoid(F(2.0) * (hidden[j, i] + bias[j])) - F(1.0)
        if gated:
            for i in range(lanes):
                gate = _sigmoid(hidden[units + j, i] + bias[units + j])
                hidden[units + j, i] = gate
                score[i] += last[j] * hidden[j, i] * gate
        else:
            for i in range(lanes):
                score[i] += last[j] * hidden[j, i]
    for i in range(n, lanes):
        score[i] = -np.inf


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def pool(x, rows, bounds, bits, limit, kept, how, cell, cell_bias, attention, attention_bias, last, vector, log_total):  # type: ignore[no-untyped-def]
    """Pool the cells of each segment with one model.

    Parameters
    ----------
    x
        (n_cells, width) float32 cells.
    rows
        (n,) int64, the cells of all segments one after the other.
    bounds
        (n_segments + 1,) int64, where in ``rows`` each segment starts.
    bits, limit, kept
        (n_tiles, width, lanes) int8 random numbers, a new tile at the start of each segment; those below ``limit``
        silence a value, the others scale it by ``kept``. When there are fewer tiles the last one serves the rest.
    how
        ``EVEN``, ``PLAIN`` or ``GATED``.
    cell, cell_bias
        (width, width) cell layer and (n_segments, width) its bias in each segment, centred over the outputs.
    attention, attention_bias, last
        (width, units or 2 units), value and gate side by side; the same of the bias; (units,) last layer.
    vector, log_total
        Filled: (n_segments, width) the pooled vectors, (n_segments,) the log of the sum of the exponentials.
    """
    width, lanes = cell.shape[0], bits.shape[2]
    tile, normal = np.zeros((width, lanes), F), np.empty((width, lanes), F)
    factor, value = np.empty((width, lanes), F), np.empty((width, lanes), F)
    hidden = np.empty((attention.shape[1], lanes), F)
    inverse, score, total = np.empty(lanes, F), np.zeros(lanes, F), np.empty(width, F)
    place = 0
    for segment in range(len(vector)):
        stop = bounds[segment + 1]
        highest, weight = F(-np.inf), F(0.0)
        total[:] = F(0.0)
        for start in range(bounds[segment], stop, lanes):
            n = min(lanes, stop - start)
            _values(
                x, rows[start : start + n], n, bits[min(place, len(bits) - 1)], limit, kept, cell, cell_bias[segment],
                tile, normal, inverse, factor, value,
            )  # fmt: skip
            place += 1
            if how == EVEN:
                for i in range(lanes):
                    score[i] = F(0.0) if i < n else F(-np.inf)
            else:
                _scores(value, n, how == GATED, attention, attention_bias, last, hidden, score)
            top = score[0]
            for i in range(n):
                top = max(top, score[i])
            if top > highest:
                shrink = np.exp(highest - top)
                weight *= shrink
                for j in range(width):
                    total[j] *= shrink
                highest = top
            for i in range(lanes):
                score[i] = exp(score[i] - highest) if i < n else F(0.0)
                weight += score[i]
            for j in range(width):
                sum_ = F(0.0)
                for i in range(lanes):
                    sum_ += score[i] * value[j, i]
                total[j] += sum_
        for j in range(width):
            vector[segment, j] = total[j] / weight
        log_total[segment] = highest + np.log(weight)


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def pool_gradient(  # type: ignore[no-untyped-def]
    x, rows, bounds, bits, limit, kept, how, cell, cell_bias, attention, attention_bias, last, vector, log_total,
    to_vector, to_cell, to_cell_bias, to_attention, to_attention_bias, to_last,
):  # fmt: skip
    """Add the gradients of the weights, given those of the vectors; arguments as :func:`pool`.

    With a_i = exp(s_i - log_total), the score of a cell has the gradient a_i g . (v_i - z).
    """
    width, units, lanes = cell.shape[0], len(last), bits.shape[2]
    tile, normal = np.zeros((width, lanes), F), np.empty((width, lanes), F)
    factor, value = np.empty((width, lanes), F), np.empty((width, lanes), F)
    hidden, to_hidden = np.empty((attention.shape[1], lanes), F), np.empty((attention.shape[1], lanes), F)
    to_value, inverse = np.empty((width, lanes), F), np.empty(lanes, F)
    score, share, along = np.zeros(lanes, F), np.empty(lanes, F), np.empty(lanes, F)
    product, square = np.empty(attention.shape, F), np.empty((width, width), F)
    place = 0
    for segment in range(len(vector)):
        stop = bounds[segment + 1]
        g = to_vector[segment]
        offset = F(0.0)
        for j in range(width):
            offset -= g[j] * vector[segment, j]
        for start in range(bounds[segment], stop, lanes):
            n = min(lanes, stop - start)
            _values(
                x, rows[start : start + n], n, bits[min(place, len(bits) - 1)], limit, kept, cell, cell_bias[segment],
                tile, normal, inverse, factor, value,
            )  # fmt: skip
            place += 1
            if how == EVEN:
                for i in range(lanes):
                    score[i] = F(0.0)
            else:
                _scores(value, n, how == GATED, attention, attention_bias, last, hidden, score)
            for i in range(lanes):
                share[i] = exp(min(score[i] - log_total[segment], F(0.0))) if i < n else F(0.0)
            if how == EVEN:
                to_value[:] = F(0.0)
            if how != EVEN:
                for i in range(lanes):
                    along[i] = offset
                for k in range(width):
                    for i in range(lanes):
                        along[i] += g[k] * value[k, i]
                for i in range(lanes):
                    along[i] *= share[i]
                for j in range(units):
                    sum_ = F(0.0)
                    if how == GATED:
                        for i in range(lanes):
                            t, gate = hidden[j, i], hidden[units + j, i]
                            sum_ += along[i] * t * gate
                            to_gated = along[i] * last[j]
                            to_hidden[j, i] = to_gated * gate * (F(1.0) - t * t)
                            to_hidden[units + j, i] = to_gated * t * gate * (F(1.0) - gate)
                    else:
                        for i in range(lanes):
                            t = hidden[j, i]
                            sum_ += along[i] * t
                            to_hidden[j, i] = along[i] * last[j] * (F(1.0) - t * t)
                    to_last[j] += sum_
                for j in range(len(attention_bias)):
                    sum_ = F(0.0)
                    for i in range(lanes):
                        sum_ += to_hidden[j, i]
                    to_attention_bias[j] += sum_
                np.dot(value, to_hidden.T, product)
                to_attention += product
                np.dot(attention, to_hidden, to_value)
            for i in range(lanes):
                along[i] = F(0.0)
            for j in range(width):
                for i in range(lanes):
                    to_normal = (to_value[j, i] + share[i] * g[j]) * factor[j, i]
                    to_value[j, i] = to_normal
                    along[i] += to_normal * normal[j, i]
            scale = F(1.0) / F(width)
            for j in range(width):
                sum_ = F(0.0)
                for i in range(lanes):
                    to_row = inverse[i] * (to_value[j, i] - normal[j, i] * along[i] * scale)
                    to_value[j, i] = to_row
                    sum_ += to_row
                to_cell_bias[segment, j] += sum_
            np.dot(tile, to_value.T, square)
            to_cell += square


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_REGROUP)
def without_each(values, share, pooled, unit, hidden, hidden_bias, last, last_bias, out):  # type: ignore[no-untyped-def]
    """Fill the classifier's outputs for a sample without each of its cells, in float64.

    Parameters
    ----------
    values, share, pooled
        (n, width) values of the cells, (n,) their attention, (width,) the sample's vector.
    unit
        0 for a weighted mean; for a sum what its terms are divided by.
    hidden, hidden_bias, last, last_bias
        (width, n_hidden), (n_hidden,), (n_hidden, n_outputs), (n_outputs,): a classifier of one hidden layer.
    out
        Filled: (n, n_outputs). Digits are lost for cells whose attention is nearly 1.
    """
    n, width = values.shape
    # Small enough products for the linear algebra library to keep to one thread.
    lanes = max(8, min(64, (1 << 18) // (width * len(hidden_bias))))
    left, layer = np.zeros((lanes, width)), np.empty((lanes, len(hidden_bias)))
    found = np.empty((lanes, len(last_bias)))
    size = len(hidden_bias)
    for start in range(0, n, lanes):
        count = min(lanes, n - start)
        for i in range(count):
            if unit > 0.0:
                for j in range(width):
                    left[i, j] = pooled[j] - values[start + i, j] / unit
            else:
                a = share[start + i]
                rest = 1.0 / (1.0 - a)
                for j in range(width):
                    left[i, j] = (pooled[j] - a * values[start + i, j]) * rest
        np.dot(left, hidden, layer)
        for i in range(count):
            row = layer[i]
            mean = 0.0
            for j in range(size):
                row[j] += hidden_bias[j]
                mean += row[j]
            mean /= size
            variance = 0.0
            for j in range(size):
                row[j] -= mean
                variance += row[j] * row[j]
            inverse = 1.0 / np.sqrt(variance / size + 1e-5)
            for j in range(size):
                h = row[j] * inverse
                row[j] = h if h > 0.0 else 0.01 * h
        np.dot(layer, last, found)
        for i in range(count):
            for k in range(len(last_bias)):
                out[start + i, k] = found[i, k] + last_bias[k]
