"""Minimisation of a quadratic plus a sum of group norms, by block coordinate descent and Newton steps for active groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from ...arrays import EPS, Array
from .pieces import solved
from .quadratic import Quadratic

__all__ = ["minimize_on_groups"]

# Newton steps between two sweeps over the groups, and the shares of each step to try.
STEPS, SHARES = 8, (1.0, 0.5, 0.2, 0.05, 0.01, 0.002)

# The maximum number of weights for which the matrix of a Newton step is formed.
MOST = 3000


@dataclass
class _Part:
    """The weights of a group in one block of the second derivative, their place there, and the eigenpairs of their matrix."""

    block: int
    place: Array
    rows: Array
    values: Array
    vectors: Array


@dataclass
class _Group:
    rows: Array
    strength: float
    parts: list[_Part]

    def minimizer(self, pull: Array) -> Array:
        r"""Return the argmin over z of z' H z / 2 - pull' z + strength |z|, for the group's own block H.

        In the basis of the eigenvectors, z_i = t c_i / (t h_i + strength), with t = |z| the root of an increasing function that
        Newton's method finds from the left.
        """
        if np.linalg.norm(pull) <= self.strength:
            return np.zeros_like(pull)
        places = [np.searchsorted(self.rows, part.rows) for part in self.parts]
        c = np.concatenate([part.vectors.T @ pull[place] for part, place in zip(self.parts, places, strict=True)])
        h = np.concatenate([part.values for part in self.parts])
        t = (np.linalg.norm(c) - self.strength) / h.max()
        for _ in range(60):
            share = c / (h * t + self.strength)
            length = np.linalg.norm(share)
            step = (length - 1.0) * length**2 / float(share @ (share * h / (h * t + self.strength)))
            t = max(t + step, 0.5 * t)
            if abs(step) <= 4 * EPS * t:
                break
        z, result, start = t * c / (h * t + self.strength), np.empty_like(pull), 0
        for part, place in zip(self.parts, places, strict=True):
            result[place] = part.vectors @ z[start : start + len(place)]
            start += len(place)
        return result


def minimize_on_groups(problem: Quadratic, x: Array, most: int = 200) -> Array:
    r"""Return the argmin over x of q(x) + rest(x), where rest is a sum of group norms; weights in no group are free.

    A sweep minimises exactly over each group in turn and over the free weights, and finds the groups that are zero. Newton
    steps then solve for the others jointly, because sweeps converge slowly for groups of collinear columns.

    References
    ----------
    Z. Qin, K. Scheinberg and D. Goldfarb, Efficient Block-coordinate Descent Algorithms for the Group Lasso, 2013; L. Meier,
    S. van de Geer and P. Buehlmann, The Group Lasso for Logistic Regression, 2008.
    """
    groups, unit = _groups(problem), np.sqrt(problem.diagonal)
    free = np.setdiff1d(np.arange(len(x)), np.concatenate([group.rows for group in groups]))
    alone = _restricted(problem, free) if 0 < len(free) <= MOST else None
    slope, first = problem.slope(x), 0.0
    for _ in range(most):
        left = float((np.abs(problem.objective.subgradient(x, slope)) / unit).max(initial=0.0))
        first = first or left
        if left <= max(1e-13 * first, 8 * EPS * float((np.abs(x) * unit).max(initial=0.0))):
            break
        x = _swept(problem, groups, x, slope)
        if alone is not None:
            x[free] -= solved(alone, problem.slope(x)[free])
        x = _together(problem, groups, free, x)
        slope = problem.slope(x)
    return x


def _groups(problem: Quadratic) -> list[_Group]:
    objective, blocks = problem.objective, problem.rows
    alpha, n_raw, result = objective.penalty.alpha, objective.model.n_raw, []
    block_of, place_of = np.empty((2, len(problem.start)), dtype=np.intp)
    for number, rows in enumerate(blocks):
        block_of[rows], place_of[rows] = number, np.arange(len(rows))
    assert problem.norms is not None
    for features, strength in problem.norms:
        rows = np.sort((features[:, None] * n_raw + np.arange(n_raw)).ravel())
        parts = []
        for number in np.unique(block_of[rows]):
            inside = rows[block_of[rows] == number]
            place = place_of[inside]
            values, vectors = eigh(problem.hessian[number][np.ix_(place, place)], check_finite=False)
            parts.append(_Part(number, place, inside, np.maximum(values, EPS * values[-1]), vectors))
        result.append(_Group(rows, alpha * strength, parts))
    return result


def _swept(problem: Quadratic, groups: list[_Group], x: Array, slope: Array) -> Array:
    """Return x after one exact minimisation over each group."""
    x, slope = x.copy(), slope.copy()
    for group in groups:
        before = x[group.rows]
        used = before.any()
        if not used and np.linalg.norm(slope[group.rows]) <= group.strength:
            continue
        pull = -slope[group.rows]
        for part in group.parts if used else []:
            inside = np.searchsorted(group.rows, part.rows)
            pull[inside] += problem.hessian[part.block][np.ix_(part.place, part.place)] @ before[inside]
        x[group.rows] = group.minimizer(pull)
        for part in group.parts:
            moved = x[part.rows] - before[np.searchsorted(group.rows, part.rows)]
            slope[problem.rows[part.block]] += problem.hessian[part.block][:, part.place] @ moved
    return x


def _together(problem: Quadratic, groups: list[_Group], free: Array, x: Array) -> Array:
    """Return x after Newton steps for the free weights and the nonzero groups, or for those that stay nonzero."""
    stepped, crossing = _newton(problem, groups, free, x)
    if not len(crossing):
        return stepped
    without = x.copy()
    without[crossing] = 0.0
    without, _ = _newton(problem, groups, free, without)
    return min(stepped, without, key=problem.value)


def _newton(problem: Quadratic, groups: list[_Group], free: Array, x: Array) -> tuple[Array, Array]:
    """Return x after Newton steps on the weights in use, and the weights of groups that the first step leads through zero."""
    used = [group for group in groups if x[group.rows].any()]
    active = np.concatenate([free, *(group.rows for group in used)])
    crossing: list[Array] = []
    if not 0 < len(active) <= MOST:
        return x, active[:0]
    matrix = _restricted(problem, active)
    slope = problem.slope(x)
    value = problem.value_at(x, slope)
    for number in range(STEPS):
        total, bent, start = slope[active], matrix.copy(), len(free)
        for group in used:
            size = np.linalg.norm(x[group.rows])
            unit, inside = x[group.rows] / size, slice(start, start + len(group.rows))
            total[inside] += group.strength * unit
            bent[inside, inside] += group.strength / size * (np.eye(len(unit)) - np.outer(unit, unit))
            start = inside.stop
        direction = np.zeros_like(x)
        direction[active] = -solved(bent, total)
        if number == 0:
            crossing = [group.rows for group in used if x[group.rows] @ (x + direction)[group.rows] < 0]
        fall = float(total @ direction[active])
        for share in SHARES:
            trial = x + share * direction
            trial_slope = problem.slope(trial)
            trial_value = problem.value_at(trial, trial_slope)
            if trial_value <= value + 1e-3 * share * fall + 8 * EPS * abs(value):
                break
        else:
            break
        if not all(trial[group.rows].any() for group in used):
            break
        x, slope, value = trial, trial_slope, trial_value
        if not -fall > EPS**2 * abs(value):
            break
    return x, np.concatenate([active[:0], *crossing])


def _restricted(problem: Quadratic, active: Array) -> Array:
    """Return the second derivative restricted to some weights."""
    result = np.zeros((len(active), len(active)))
    where = np.full(len(problem.start), -1)
    where[active] = np.arange(len(active))
    for block, rows in zip(problem.hessian, problem.rows, strict=True):
        place = np.flatnonzero(where[rows] >= 0)
        inside = where[rows[place]]
        result[np.ix_(inside, inside)] = block[np.ix_(place, place)]
    return result
