"""What others find: the optimum of a problem by SciPy, from values and slopes of the loss alone.

A smooth loss goes to L-BFGS-B, with the weights split into positive and negative parts where there is l1. A convex loss with
kinks, and a penalty of groups, go to HiGHS as linear programs over tangents, with new tangents at each solution (J. E. Kelley,
The Cutting-Plane Method, 1960; one tangent for each sample and output, so that few rounds suffice).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog, minimize

FAR = 1e7  # no weight is larger, in units of its column
SECONDS = 5.0  # for the linear programs of a problem
MANY = 1000  # samples and outputs
MOVES = (0.0, 0.01, 1.0, -0.01, -1.0, 0.1, 100.0, -0.1, -100.0, 10.0, -10.0)  # of the first tangents
PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass
class Shape:
    """A penalty in numbers: sum_j l1_j |w_j| + l2_j w_j^2 / 2, the norms of groups times sqrt(size), and bounds."""

    l1: Any = 0.0
    l2: Any = 0.0
    lower: Any = -np.inf
    upper: Any = np.inf
    groups: Sequence[Sequence[int]] = ()

    @property
    def allows_zero(self) -> bool:
        return bool(np.all(np.asarray(self.lower) <= 0) and np.all(np.asarray(self.upper) >= 0))

    def column(self, name: str, p: int) -> np.ndarray:
        return np.broadcast_to(np.asarray(getattr(self, name), dtype=float), (p,))[:, None]

    def value(self, weights: np.ndarray) -> float:
        """Return the penalty without its bounds."""
        p = len(weights)
        sums = self.column("l1", p) * np.abs(weights) + 0.5 * self.column("l2", p) * weights**2
        return float(sums.sum()) + sum(np.sqrt(len(g)) * float(np.linalg.norm(weights[g])) for g in self.groups if len(g))


class Problem:
    """Rows of positive weight, standardised in all but name: raw = unit * (columns @ inner + intercept)."""

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        n_raw: int,
        value: Callable[..., np.ndarray],
        slope: Callable[..., np.ndarray],
        shape: Shape,
        alpha: float,
        fit_intercept: bool,
        unit: float,
    ) -> None:
        self.y, self.share, self.n_raw, self.unit = y, weight / weight.sum(), n_raw, unit
        self.value, self.slope, self.shape, self.alpha, self.fit_intercept = value, slope, shape, alpha, fit_intercept
        self.rowwise = y.ndim == 1
        top = np.abs(X).max(axis=0, initial=0.0)
        X = X - self.share @ X if fit_intercept else X
        spread = np.sqrt(self.share @ (X / np.where(top > 0, top, 1.0)) ** 2) * top
        self.p = X.shape[1]
        X = np.where(spread > 1e-13 * top, X, 0.0)
        spread = np.where(spread > 1e-13 * top, spread, 0.0)
        self.scale = max(self.mean(np.zeros((len(X), n_raw))), 1e-300)  # F in this unit is of the order of one
        # A unit of an inner weight moves raw, or the penalty, by about one.
        size = spread[:, None] / unit + np.sqrt(alpha * shape.column("l2", self.p) / self.scale)
        self.size = np.where(size > 0, size, 1.0)
        self.columns = X / (self.size.T * unit)

    def mean(self, raw: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            values = self.value(self.y, raw)
            return float(self.share @ values.reshape(len(values), -1).sum(axis=1))

    def raw(self, inner: np.ndarray, constant: np.ndarray) -> np.ndarray:
        return self.unit * (self.columns @ inner + constant)

    def objective(self, inner: np.ndarray, constant: np.ndarray) -> float:
        return self.mean(self.raw(inner, constant)) + self.alpha * self.shape.value(inner / self.size)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the bounds of the inner weights, (p, K)."""
        low, high = (self.shape.column(name, self.p) * self.size for name in ("lower", "upper"))
        return tuple(np.clip(np.tile(bound, self.n_raw), -FAR, FAR) for bound in (low, high))

    # -- smooth -------------------------------------------------------------------------------------------------------

    def descend(self, start: tuple[np.ndarray, np.ndarray], width: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the inner weights and the constant where L-BFGS-B ends; the loss is averaged over a width of raw."""
        nodes = self.unit * width * np.linspace(-1.0, 1.0, 9) if width else (0.0,)
        p, k = self.p, self.n_raw
        low, high = self.bounds()
        l1 = self.alpha * self.shape.column("l1", p) / self.size / self.scale
        l2 = self.alpha * self.shape.column("l2", p) / self.size**2 / self.scale
        groups = [list(group) for group in self.shape.groups if len(group)]

        def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return (x[: p * k] - x[p * k : 2 * p * k]).reshape(p, k), x[2 * p * k :]

        def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
            inner, constant = parts(x)
            raw = self.raw(inner, constant)
            with np.errstate(all="ignore"):
                slopes = sum(self.slope(self.y, raw + node) for node in nodes) / len(nodes)
                slopes = self.share[:, None] * slopes * (self.unit / self.scale)
                slopes = np.nan_to_num(slopes, nan=0.0, posinf=1e150, neginf=-1e150)
                total = sum(self.mean(raw + node) for node in nodes) / len(nodes) / self.scale
                gradient = self.columns.T @ slopes + l2 * inner
                size = (x[: p * k] + x[p * k : 2 * p * k]).reshape(p, k)
                total += float((0.5 * l2 * inner**2 + l1 * size).sum())
                for group in groups:
                    scaled, strength = inner[group] / self.size[group], self.alpha * np.sqrt(len(group)) / self.scale
                    norm = np.linalg.norm(scaled)
                    total += strength * float(norm)
                    gradient[group] += strength * scaled / self.size[group] / max(norm, 1e-300)
            both = np.concatenate([(gradient + l1).ravel(), (l1 - gradient).ravel(), slopes.sum(axis=0) * self.fit_intercept])
            return float(np.nan_to_num(total, nan=1e300, posinf=1e300)), both

        free = (0.0 if self.fit_intercept else np.zeros(k), np.inf if self.fit_intercept else np.zeros(k))
        least = np.concatenate([np.maximum(low, 0).ravel(), np.maximum(-high, 0).ravel(), np.full(k, -free[1])])
        most = np.concatenate([np.maximum(high, 0).ravel(), np.maximum(-low, 0).ravel(), np.full(k, free[1])])
        inner = np.clip(start[0], low, high)
        x = np.concatenate([np.maximum(inner, 0).ravel(), np.maximum(-inner, 0).ravel(), start[1]])
        x = np.clip(x, least, most)
        for _ in range(3):  # it forgets its curvature, and may go on
            before = value_and_gradient(x)[0]
            options = {"maxiter": 1500, "maxfun": 3000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-13}
            x = minimize(value_and_gradient, x, jac=True, method="L-BFGS-B", bounds=np.c_[least, most], options=options).x
            if value_and_gradient(x)[0] >= before - 1e-9 * abs(before):
                break
        return parts(x)

    # -- with kinks ---------------------------------------------------------------------------------------------------

    def cut(self, start: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the best of the solutions of linear programs over more and more tangents."""
        cuts, end = _Tangents(self), time.perf_counter() + SECONDS
        if cuts.n_terms > MANY:  # where many kinks are nearly smooth, and a program takes long
            smoother = start
            for width in (0.1, 0.01, 1e-3, 1e-4):
                smoother = self.descend(smoother, width)
                start = min(start, smoother, key=lambda point: self.objective(*point))
        inner, constant = start
        best, gap, idle = self.objective(inner, constant), np.inf, 0
        for move in MOVES[:: 1 if cuts.n_terms < MANY else 2]:
            cuts.add(self.raw(inner, constant) + move * self.unit, inner + move)
        while idle < 5 and (left := end - time.perf_counter()) > 0:
            solved = cuts.solve(left)
            if solved is None:
                break
            inner, constant, bound = solved
            value = self.objective(inner, constant)
            if value < best:
                best, start = value, (inner, constant)
            if best - bound <= 1e-9 * (abs(best) + self.scale):
                break
            idle, gap = (0, best - bound) if best - bound < 0.9 * gap else (idle + 1, gap)
            cuts.add(self.raw(inner, constant), inner)
        return start


class _Tangents:
    """The linear program: t above the tangents of the loss, q above those of l2, s above those of the norms of groups."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        p, k = problem.p, problem.n_raw
        self.n_terms = len(problem.share) * (1 if problem.rowwise else k)
        self.groups = [list(group) for group in problem.shape.groups if len(group)]
        strength = problem.alpha / problem.scale
        l2 = np.tile(problem.shape.column("l2", p) / problem.size**2, k)
        l1 = np.tile(problem.shape.column("l1", p) / problem.size, k)
        self.norm_weights = np.array([strength * np.sqrt(len(group)) for group in self.groups])
        self.curved, self.l2 = np.flatnonzero((strength * l2).ravel() > 0), (strength * l2).ravel()
        # The variables: weights u - v (2 p k), constants k, t, q, s.
        self.sizes = [p * k, p * k, k, self.n_terms, len(self.curved), len(self.groups)]
        share = problem.share if problem.rowwise else np.repeat(problem.share, k)
        price = (strength * l1).ravel()
        self.cost = np.concatenate([price, price, np.zeros(k), share, np.ones(len(self.curved)), np.ones(len(self.groups))])
        low, high = problem.bounds()
        edge = FAR if problem.fit_intercept else 0.0
        least = [np.maximum(low, 0).ravel(), np.maximum(-high, 0).ravel(), np.full(k, -edge)]
        most = [np.maximum(high, 0).ravel(), np.maximum(-low, 0).ravel(), np.full(k, edge)]
        loose = self.n_terms + len(self.curved) + len(self.groups)
        self.bounds = np.c_[np.concatenate([*least, np.full(loose, -np.inf)]), np.concatenate([*most, np.full(loose, np.inf)])]
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []
        self.rows: list[Any] = []
        self.right: list[np.ndarray] = []

    def add(self, raw: np.ndarray, inner: np.ndarray) -> None:
        problem, (p, k) = self.problem, (self.problem.p, self.problem.n_raw)
        n = len(raw)
        with np.errstate(all="ignore"):
            values = np.asarray(problem.value(problem.y, raw)).ravel() / problem.scale
            slopes = problem.slope(problem.y, raw) * (problem.unit / problem.scale)
        steep = slopes if problem.rowwise else (slopes[:, :, None] * np.eye(k)).reshape(n * k, k)
        columns = problem.columns if problem.rowwise else np.repeat(problem.columns, k, axis=0)
        at = raw / problem.unit if problem.rowwise else np.repeat(raw / problem.unit, k, axis=0)
        by_weight = (columns[:, :, None] * steep[:, None, :]).reshape(len(columns), p * k)
        usable = np.isfinite(values) & (np.abs(steep).max(axis=1, initial=0.0) < 1e8)
        eye = sparse.identity(self.n_terms, format="csr")
        block = sparse.hstack([sparse.csr_array(by_weight), sparse.csr_array(-by_weight), sparse.csr_array(steep), -eye])
        right = (steep * at).sum(axis=1) - values
        for slopes, rights in self.seen:  # straight pieces have the same tangent everywhere
            usable &= np.any(steep != slopes, axis=1) | (np.abs(right - rights) > 1e-12 * np.abs(right))
        self.seen.append((np.where(usable[:, None], steep, np.nan), right))
        self._append(block.tocsr()[usable], right[usable], 4)
        flat = inner.ravel()
        if len(self.curved):
            slope = sparse.csr_array(np.diag(self.l2 * flat)[self.curved])
            block = [slope, -slope, sparse.csr_array((len(self.curved), k + self.n_terms)), -sparse.identity(len(self.curved))]
            self._append(sparse.hstack(block), (0.5 * self.l2 * flat**2)[self.curved], 5)
        for index, group in enumerate(self.groups):
            scaled = inner[group] / problem.size[group]
            norm = np.linalg.norm(scaled)
            slope = np.zeros((p, k))
            slope[group] = self.norm_weights[index] * scaled / problem.size[group] / (norm or 1.0)
            rest = np.zeros((1, sum(self.sizes[2:])))
            rest[0, sum(self.sizes[2:5]) + index] = -1.0
            self._append(sparse.csr_array(np.hstack([slope.reshape(1, -1), -slope.reshape(1, -1), rest])), np.zeros(1), 6)

    def _append(self, block: Any, right: np.ndarray, n_filled: int) -> None:
        empty = sparse.csr_array((block.shape[0], sum(self.sizes[n_filled:])))
        self.rows.append(sparse.hstack([block, empty]) if empty.shape[1] else block)
        self.right.append(right)

    def solve(self, seconds: float) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Return the weights, the constants and the least value; None when there is no solution in that time."""
        matrix, right = sparse.vstack(self.rows).tocsc(), np.concatenate(self.right)
        result = linprog(
            self.cost, matrix, right, bounds=self.bounds, method="highs", options={"time_limit": seconds, **PRECISE}
        )
        if result.x is None:
            return None
        p, k = self.problem.p, self.problem.n_raw
        u, v, constant = np.split(result.x[: 2 * p * k + k], [p * k, 2 * p * k])
        low, high = self.problem.bounds()
        return np.clip((u - v).reshape(p, k), low, high), constant, float(result.fun) * self.problem.scale
