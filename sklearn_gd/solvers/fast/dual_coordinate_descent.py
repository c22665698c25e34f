"""A compiled solver for an l2 penalty on many sparse features: the dual, one row at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from ...objective.summand import Summand, weighted
from ...rows.base import Block
from ..base import Need, Plan, Solver, State
from ..kinked.rows import gradient_with_slopes, lines_of, offset_of, raw_of, targets_of, weights_of
from .compiled import compiled_slope, row_kernels

__all__ = ["DualCoordinateDescent", "strength"]

# The share of the gap at which a step ends, squared if the certificate is a gradient; and its maximum number of rounds, which
# may be larger for few rows.
SHARE, ROUNDS, VISITS = 0.03, 20, 300_000

# The distance of F from its optimum as a share of the gap, as measured on texts.
LOOSE = 0.05

# In place of the slope of a loss that is piecewise linear.
UNUSED = lambda y, raw, constant: (raw - y, 1.0), 0.0

# The gap at which the intercept is moved, relative to what the move may gain; and the range of its curvature.
MOVES, RANGE = 0.1, 1e3


@dataclass(kw_only=True)
class DualState(State):
    """A state with the slope of the loss at each row, (n, K), and the raw `touch` at which it has this slope, or NaN before the
    first visit. `plain` is the objective on columns that are not centred, in float64.

    `lines` are the kinks and the slopes left and right of them, (J, n, K) each; J is 0 for a smooth loss. `weight`, (n,), is
    divided by the total, and `size`, (n,), is the decrease of raw with the slope of its row. `X` are the three arrays of CSR.

    `gap` is the distance between F and the dual for this intercept, and `force`, (K,), the slope of F in it. `ends`,
    (2, 2 + n, K), are the nearest intercepts below and above the optimal one, each with its force and its slopes, and `last`,
    (2, K), the previous intercept with its force.
    """

    plain: Objective
    slope: Array
    touch: Array
    y: Array
    lines: tuple[Array, Array, Array]
    weight: Array
    size: Array
    X: tuple[Array, Array, Array]
    force: Array
    ends: Array
    last: Array
    gap: float = np.inf


class DualCoordinateDescent(Solver[DualState]):
    r"""Maximise the dual over the slope of one row at a time, for an l2 penalty on many features that are sparse, as of texts.

    .. math:: W = -\frac{1}{\alpha} \sum_i w_i u_i x_i, \qquad u_i \leftarrow \frac{v - z}{s}, \quad z = prox_{s \ell}(v), \quad
        v = raw_i + s u_i, \quad s = \frac{w_i}{\alpha} \|x_i\|^2

    The step is exact for one row, and costs as much as its entries. Rows whose slope stays where it is, such as those beyond
    the margin of a hinge, are visited less often. The loss is piecewise linear, or has a `scalar_slope`. The slope of the
    minimum over the weights, as a function of the intercept, is the sum of the slopes; its zero is found by a secant method.

    The inner loop is compiled by numba: ``pip install "sklearn-gd[fast]"``. With ``solver="auto"`` the solver is used for large
    sparse data, if numba is installed.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from sklearn_gd import GDClassifier
    >>> from sklearn_gd.solvers import DualCoordinateDescent
    >>> X = csr_matrix([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model = GDClassifier(loss="hinge", alpha=0.5, solver=DualCoordinateDescent())
    >>> model.fit(X, [0, 0, 1, 1]).coef_.round(6)
    array([[1.]])

    References
    ----------
    C.-J. Hsieh et al., A Dual Coordinate Descent Method for Large-scale Linear SVM, 2008; S. Shalev-Shwartz and T. Zhang,
    Stochastic Dual Coordinate Ascent Methods for Regularized Loss Minimization, 2013.
    """

    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.L2_PENALTY, Need.SCALAR_SLOPE, Need.IN_MEMORY, Need.COMPILER})
    default_max_iter = 300

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> DualState:
        plain, params = objective.with_model(objective.linear.uncentered()), objective.linear.to_original(params)
        if objective.rows.dtype != np.float64:  # a gap is a small difference
            plain = replace(plain, rows=objective.local.copied(np.float64))
        n, n_raw = objective.rows.n_samples, objective.model.n_raw
        slope = np.zeros((n, n_raw))
        lines, y = (np.empty((0, n, n_raw)),) * 3, slope
        if objective.loss.piecewise_linear:
            lines = _sorted(*lines_of(objective))
            slope = np.clip(slope, lines[1].sum(axis=0), lines[2].sum(axis=0))
        else:
            y = targets_of(objective)
        X, weight = plain.local.matrix.csr, weights_of(objective) / objective.total
        csr = X.data, X.indices.astype(np.int32, copy=False).view(np.uint32), X.indptr.astype(np.uint64)
        size = weight * row_kernels().row_squares(*csr, X.shape[1]) / strength(objective)
        state = DualState.at(
            plain.at(_of_slopes(plain, params, slope)),
            needs_fallback=True,
            plain=plain,
            slope=slope,
            touch=np.full_like(slope, np.nan),
            y=y,
            lines=lines,
            weight=weight,
            size=np.maximum(size, 1e-6 * size.max()),
            X=csr,
            force=np.zeros(n_raw),
            last=np.full((2, n_raw), np.nan),
            ends=np.array([-np.inf, np.inf])[:, None, None] * np.ones((2, 2 + n, n_raw)),
        )
        return _outward(objective, state)

    def step(self, objective: Objective, state: DualState) -> DualState:
        inside = state.but(params=objective.linear.to_original(state.params))
        return _outward(objective, self._step(state.plain, inside))

    @staticmethod
    def _step(objective: Objective, state: DualState) -> DualState:
        """Return the state after one step, on columns that are not centred."""
        state = state.but(iteration=state.iteration + 1)
        moving = _unbalanced(objective, state)
        if moving.any():
            state = _bracketed(state, moving)
            between = _between(objective, state, moving)
            if between.gap <= MOVES * float(state.force @ state.force) / _typical(objective):
                return between
            state = _moved(objective, state, moving)
        state = _ascended(objective, state)
        return state.but(**vars(objective.at(state.params))) if objective.loss.smooth else _certified(objective, state)


def _outward(objective: Objective, state: DualState) -> DualState:
    """Return the state in the coordinates of an objective whose columns may be centred."""
    model = objective.linear
    gradient = model.uncentered().centered_gradient(state.gradient, model.center)
    return state.but(params=model.to_internal(state.params), gradient=gradient)


def _typical(objective: Objective) -> float:
    """Return the typical curvature of F in the intercept."""
    return objective.reference.slope_size**2 / max(abs(objective.reference.value), EPS)


def _unbalanced(objective: Objective, state: DualState) -> Array:
    """Return the mask, (K,), of columns in which F is held up by the intercept more than by the gap."""
    gap = state.gap if state.gap > 64 * objective.reference.rounding(state.value) else 0.0
    return (MOVES * state.force**2 > _typical(objective) * gap) & objective.linear.fit_intercept


def _bracketed(state: DualState, moving: Array) -> DualState:
    """Return the state with the current intercept as an end of the bracket, where it is moving."""
    here, force = state.params[-len(moving) :], state.force
    ends = state.ends.copy()
    for k in np.flatnonzero(moving):
        ends[int(force[k] > 0), :, k] = [here[k], force[k], *state.slope[:, k]]
    return state.but(ends=ends)


def _between(objective: Objective, state: DualState, moving: Array) -> DualState:
    """Return the state between the ends of the bracket at which the forces cancel.

    Its slopes are between those at the ends, which is optimal as long as the same rows of a piecewise-linear loss stay at their
    kinks; the gap tells.
    """
    down, up = state.ends[:, 1]
    if objective.loss.smooth or not np.all(np.isfinite(down) & np.isfinite(up) | ~moving):
        return state.but(gap=np.inf)
    params, slope = state.params.copy(), state.slope.copy()
    for k in np.flatnonzero(moving):
        share = up[k] / (up[k] - down[k])
        params[k - len(moving)], _, *slope[:, k] = share * state.ends[0, :, k] + (1.0 - share) * state.ends[1, :, k]
    force = state.weight @ slope + objective.remainder[1][-len(moving) :]
    params, touch = _of_slopes(objective, params, slope), _touch(state.lines, slope)
    return _certified(objective, state.but(params=params, slope=slope, touch=touch, force=force))


def _moved(objective: Objective, state: DualState, moving: Array) -> DualState:
    """Return the state at another intercept, by a secant step within the bracket."""
    here, force, (last, last_force), (low, high) = state.params[-len(moving) :], state.force, state.last, state.ends[:, 0]
    typical = _typical(objective)
    with np.errstate(all="ignore"):
        curvature = (force - last_force) / (here - last)
        curvature = np.where(curvature > 0, np.clip(curvature, typical / RANGE, typical * RANGE), typical)
        aim, middle = here - force / curvature, 0.5 * (low + high)
        aim = np.where(moving, np.where((low < aim) & (aim < high), aim, middle), here)
    params = state.params.copy()
    params[-len(moving) :] = aim
    gap = state.gap + float(np.abs(force) @ np.abs(aim - here))
    return state.but(params=params, last=np.where(moving, [here, force], state.last), gap=gap)


def _touch(lines: tuple[Array, Array, Array], slope: Array) -> Array:
    """Return the kinks at which a piecewise-linear loss has the given slopes, (n, K)."""
    kinks, left, right = lines
    ends = left.sum(axis=0) + np.cumsum(right - left, axis=0)
    place = np.minimum((ends < slope).sum(axis=0), len(kinks) - 1)
    return np.asarray(np.take_along_axis(kinks, place[None], axis=0)[0])


def _certified(objective: Objective, state: DualState) -> DualState:
    """Return the state with the value and the certificate of a piecewise-linear loss, by the gap between F and the dual."""
    raw = raw_of(objective, state.params)
    cost, gap = objective.rows.reduce(partial(_heights, objective.summand), raw, state.slope, state.touch)
    value, gap = cost / objective.total + objective.penalty_value(state.params), max(gap / objective.total, 0.0)
    gradient = gradient_with_slopes(objective, state.params, state.slope)
    point = objective.at_slopes(state.params, value, gradient, gap)
    return state.but(**vars(point), gap=gap, decrement=LOOSE * gap if gap > 64 * objective.reference.rounding(value) else 0.0)


def _of_slopes(objective: Objective, params: Array, slope: Array) -> Array:
    """Return the params with the weights that minimise the penalty, for the loss with these slopes, (n, K)."""
    weights = objective.model.weights
    force = objective.gradient_of_slopes(slope) + objective.remainder[1]
    return objective.model.with_weights(params, -weights(force) / strength(objective))


def strength(objective: Objective) -> float:
    """Return the curvature of an l2 penalty."""
    return float(objective.penalty.curvature(np.ones((1, 1)))[0, 0])


def _ascended(objective: Objective, state: DualState) -> DualState:
    """Return the state after some rounds."""
    X, loss, model = state.X, objective.loss, objective.linear
    function, constant = loss.scalar_slope or UNUSED
    slope, touch = np.array(state.slope, order="F"), np.array(state.touch, order="F")
    params, gap, share = state.params.reshape(-1, model.n_raw).copy(), 0.0, SHARE ** (1 + loss.smooth)
    shift = offset_of(objective) + params[model.n_features :].sum(axis=0)
    for k in range(model.n_raw):
        weights = params[: model.n_features, k].copy()
        gap += row_kernels().ascend(
            *X,
            np.ascontiguousarray(shift[:, k]),
            state.weight,
            state.size,
            compiled_slope(function),
            np.ascontiguousarray(state.y[:, k]),
            constant,
            *(np.ascontiguousarray(part[:, :, k]) for part in state.lines),
            slope[:, k],
            touch[:, k],
            weights,
            1.0 / strength(objective),
            share * state.gap / model.n_raw,
            max(ROUNDS, VISITS // len(slope)),
            state.iteration,  # the same order of rows in every fit
        )
        params[: model.n_features, k] = weights
    force = state.weight @ slope + objective.remainder[1][-model.n_raw :]
    return state.but(params=params.ravel(), slope=slope, touch=touch, gap=gap, force=force)


def _sorted(kinks: Array, left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Return the kinks of each row in increasing order, (J, n, K), and the slopes there in the same shape."""
    order = np.argsort(kinks, axis=0, kind="stable")
    parts = (np.broadcast_to(part, kinks.shape) for part in (kinks, left, right))
    kinks, left, right = (np.take_along_axis(part, order, axis=0) for part in parts)
    return kinks, left, right


# -- kernels ----------------------------------------------------------------------------------------------------------


def _heights(summand: Summand, block: Block, raw: Array, slope: Array, touch: Array) -> tuple[float, float]:
    """Return the sum of losses, and of their heights above lines with a slope that support them at `touch`."""
    loss, y = summand.loss_and_target(block)
    here = summand.shifted(block, raw)
    value = loss.value(y, here)
    return weighted(value, block.weight), weighted(value - loss.value(y, touch) - slope * (here - touch), block.weight)
