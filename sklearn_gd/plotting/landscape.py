"""Contour plot of an objective over two parameters, with the paths of solvers."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from ..arrays import Array
from ..metrics.evaluation import check_in_memory, unwrapped
from ..objective.objective import Objective
from ..parts import same
from ..rows.batch import Batch
from ..training.fit import Trace
from .style import add_legend, axes_for, legend_label, named_estimators, styles

__all__ = ["LandscapePath", "LossLandscapeDisplay"]

# The margin around the paths.
MARGIN = 0.35
N_LEVELS = 18
# An axis is at least this share of the other one.
LEAST = 0.05
# The map of more rows is that of a sample.
MOST_ROWS = 10_000


@dataclass(frozen=True, eq=False)
class LandscapePath:
    """The path of a solver in the plane.

    Attributes
    ----------
    points : ndarray of shape (n_iterations, 2)
        The params after each iteration, projected onto the plane.
    objective : ndarray of shape (n_iterations,)
        The objective after each iteration.
    """

    points: Array
    objective: Array


class LossLandscapeDisplay:
    r"""Contour plot of the objective over two parameters or two directions, with the paths of solvers.

    .. math:: F(params + s \, u + t \, v)

    Use `from_estimator` to create the display. All other parameters are fixed at the end of the first path.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        The grid on the two axes.
    values : ndarray of shape (n, n)
        The objective, one row for each y.
    paths : dict of str to LandscapePath
        The path of each solver, by name.
    labels : (str, str)
        Labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    contours_ : matplotlib QuadContourSet
    lines_ : list of matplotlib Line2D
        The paths.

    See Also
    --------
    LossCurveDisplay : The objective at each iteration.

    References
    ----------
    H. Li et al., Visualizing the Loss Landscape of Neural Nets, 2018, section 7 (principal directions of a path).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.plotting import LossLandscapeDisplay
    >>> from sklearn_gd.solvers import GradientDescent
    >>> x = np.linspace(0.0, 2.0, 50).reshape(-1, 1)
    >>> descent = GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=0.1), max_iter=500)
    >>> display = LossLandscapeDisplay.from_estimator(descent, x, 3.0 * x[:, 0] + 4.0)  # doctest: +SKIP
    """

    ax_: Any
    figure_: Any
    contours_: Any
    lines_: list[Any]

    def __init__(self, x: Array, y: Array, values: Array, paths: dict[str, LandscapePath], labels: tuple[str, str]) -> None:
        self.x, self.y, self.values, self.paths, self.labels = x, y, values, paths, labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
        directions: Any = "auto",
        resolution: int = 60,
        ax: Any = None,
    ) -> LossLandscapeDisplay:
        """Fit clones of estimators, record their paths, and plot them on the contours of the objective.

        Parameters
        ----------
        estimator : estimator, or a list or dict of them
            GDRegressor or GDClassifier, or pipelines that end in one; they need not be fitted. Several estimators should differ
            only in their solvers: the contours are those of the first. The path of a stochastic solver has one point per epoch.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data, in memory.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        offset, loss_data : as for fit, default=None
        directions : {"auto", "principal"} or a pair of names or numbers of features, default="auto"
            The axes: for a linear model with one output, the coefficients of two features, or of one feature and the
            "intercept". "principal" means the two directions along which the params of the first path vary most. "auto" means
            the coefficient and the intercept if there is one feature, else "principal".
        resolution : int, default=60
            Number of grid points per axis. With more than 10,000 rows, the map is that of a sample of them.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossLandscapeDisplay

        Raises
        ------
        ValueError
            If `directions` do not match the model.
        """
        if not (isinstance(resolution, Integral) and resolution >= 2):
            raise ValueError(f"resolution={resolution!r}: expected an integer >= 2.")
        given = Batch(X, y, sample_weight, offset, loss_data)
        fits = {name: _traced(one, given) for name, one in named_estimators(estimator).items()}
        plane = _plane(*next(iter(fits.values())), directions)
        _check_comparable([trace for trace, _ in fits.values()])
        paths = {name: plane.path(_places(trace, plane.objective, plane.internal)) for name, (trace, _) in fits.items()}
        axes = _axes(np.concatenate([path.points for path in paths.values()]), resolution, plane.internal)
        values = np.array([[plane.value(s, t) for s in axes[0]] for t in axes[1]])
        return cls(axes[0], axes[1], values, paths, plane.labels).plot(ax)

    def plot(self, ax: Any = None) -> LossLandscapeDisplay:
        """Plot the display.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossLandscapeDisplay
        """
        self.figure_, (self.ax_,) = axes_for(ax, 1, 5.6, 4.4)
        finite = self.values[np.isfinite(self.values)]
        lowest = min(float(finite.min()), min(float(path.objective.min()) for path in self.paths.values()))
        height = max(float(finite.max()) - lowest, np.finfo(np.float64).tiny)
        share = np.clip((self.values - lowest) / height, 0.0, 1.0)
        # Contour levels are equidistant in the square root of the height, and so denser near the minimum.
        levels = lowest + height * np.linspace(0.0, 1.0, N_LEVELS) ** 2
        colors = {"cmap": "Greys", "alpha": 0.55}
        self.contours_ = self.ax_.contourf(self.x, self.y, np.sqrt(share), np.linspace(0.0, 1.0, N_LEVELS), **colors)
        lines = self.ax_.contour(self.x, self.y, self.values, levels[1:], colors="#888888", linewidths=0.5)
        self.ax_.clabel(lines, levels[2::4], fontsize=7, fmt="%.3g")
        self.lines_ = []
        for (name, path), look in zip(self.paths.items(), styles(len(self.paths)), strict=True):
            line = {**look, "linewidth": 1.4, "marker": "o", "markersize": 3}
            self.lines_ += self.ax_.plot(path.points[:, 0], path.points[:, 1], label=legend_label(name or "path"), **line)
        marks = {"linestyle": "none", "markeredgecolor": "black", "color": "white", "zorder": 5}
        for at, mark, size, label in ((0, "s", 7, "start"), (-1, "*", 13, "end")):
            places = np.array([path.points[at] for path in self.paths.values()])
            self.ax_.plot(places[:, 0], places[:, 1], mark, markersize=size, label=label, **marks)
        self.ax_.set(xlabel=legend_label(self.labels[0]), ylabel=legend_label(self.labels[1]))
        add_legend(self.ax_, len(self.lines_) + 2)
        return self


def _traced(estimator: Any, given: Batch) -> tuple[Trace, Any]:
    """Return the trace of a fit of a clone, and the names of the features, if they have any."""
    check_in_memory(given.X)
    if hasattr(estimator, "best_estimator_"):
        return _traced(estimator.best_estimator_, given)
    if hasattr(estimator, "steps"):
        before = clone(estimator[:-1])
        X = before.fit_transform(given.X, given.y) if len(before) else given.X
        return _traced(estimator[-1], given._replace(X=X))
    fresh = clone(unwrapped(estimator)[0])
    fresh._trace = trace = Trace()
    fresh.fit(given.X, **given.columns)
    return trace, getattr(fresh, "feature_names_in_", None)


def _check_comparable(traces: list[Trace]) -> None:
    """Raise ValueError if fits do not minimise the same objective."""
    objectives = [trace.objective for trace in traces]
    first = objectives[0]
    assert first is not None
    for other in objectives[1:]:
        assert other is not None
        alike = (
            first.size == other.size
            and same(first.loss, other.loss)
            and same(first.penalty.shape, other.penalty.shape)
            and first.penalty.alpha == other.penalty.alpha
        )
        if not alike:
            raise ValueError("The estimators minimise different objectives: expected them to differ in their solvers alone.")


def _axes(points: Array, resolution: int, alike: bool) -> list[Array]:
    """Return the axes of the map, with room around the paths; where both have the same unit, neither is much the shorter."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, LEAST * np.ptp(points, axis=0).max() if alike else 1e-6 * np.abs(points).max(axis=0))
    span = np.where(span > 0, span, 1.0)
    middle = 0.5 * (low + high)
    return [np.linspace(m - (0.5 + MARGIN) * s, m + (0.5 + MARGIN) * s, resolution) for m, s in zip(middle, span, strict=True)]


@dataclass(frozen=True, eq=False)
class _Plane:
    """A plane in the space of params, through an origin along two orthonormal directions, (2, size).

    The space is that of the fitted attributes, or that of the first fit's own coordinates.
    """

    objective: Objective
    internal: bool
    origin: Array
    directions: Array
    labels: tuple[str, str]

    def value(self, s: float, t: float) -> float:
        """Return F at a point of the plane."""
        return self._value(self.origin + s * self.directions[0] + t * self.directions[1])

    def _value(self, place: Array) -> float:
        with np.errstate(all="ignore"):
            return self.objective.value(place if self.internal else self.objective.model.to_internal(place))

    def path(self, places: Array) -> LandscapePath:
        """Return the path of a fit, projected."""
        return LandscapePath((places - self.origin) @ self.directions.T, np.array([self._value(place) for place in places]))


def _places(trace: Trace, objective: Objective, internal: bool) -> Array:
    """Return the params after each iteration: those of the fitted attributes, or in the coordinates of an objective."""
    assert trace.objective is not None
    original = [trace.objective.model.to_original(state.params) for state in trace.states]
    return np.array([objective.model.to_internal(params) for params in original] if internal else original)


def _plane(trace: Trace, names: Any, directions: Any) -> _Plane:
    objective = trace.objective
    assert objective is not None
    if objective.rows.n_samples > MOST_ROWS:
        objective = objective.sample(MOST_ROWS)
    model = objective.model
    if model.size < 2:
        raise ValueError("The model has one parameter: expected two at least, for a map.")
    linear, intercept = model.has_gram and model.n_raw == 1, bool(getattr(model, "fit_intercept", False))
    if isinstance(directions, str) and directions == "auto":
        directions = (
            (0 if names is None else names[0], "intercept") if linear and intercept and model.n_features == 1 else "principal"
        )
    if isinstance(directions, str):
        if directions != "principal":
            raise ValueError(f"directions={directions!r}: expected 'auto', 'principal', or a pair of features.")
        places = _places(trace, objective, internal=True)
        found, shares = _principal(places - places[-1])
        first, second = (f"direction {k} of the path, {100 * share:.0f} % of it" for k, share in enumerate(shares, 1))
        return _Plane(objective, True, places[-1], found, (first, second))
    if not linear or np.ndim(directions) == 0 or len(directions) != 2:
        raise ValueError(
            f"directions={directions!r}: expected 'principal', or a pair of features of a linear model of one output."
        )
    numbers = [_number(one, model.n_features, intercept, names) for one in directions]
    if numbers[0] == numbers[1]:
        raise ValueError(f"directions={directions!r}: expected two that differ.")
    units = np.eye(model.size)[numbers]
    origin = _places(trace, objective, internal=False)[-1] * (1.0 - units.sum(axis=0))
    first, second = ("intercept" if one == "intercept" else f"coefficient of {one}" for one in directions)
    return _Plane(objective, False, origin, units, (first, second))


def _number(one: Any, n_features: int, intercept: bool, names: Any) -> int:
    """Return the place of a coefficient among the params, or that of the intercept."""
    known: list[Any] = [*range(n_features), *([] if names is None else names), *(["intercept"] * intercept)]
    if one not in known:
        raise ValueError(f"directions has {one!r}: expected one of {known if len(known) < 20 else known[-20:]}.")
    if isinstance(one, str) and one == "intercept" and intercept:
        return n_features
    return known.index(one) % n_features


def _principal(steps: Array) -> tuple[Array, Array]:
    """Return two orthonormal directions along which a path varies most, and their shares of its variation."""
    _, sizes, found = np.linalg.svd(steps, full_matrices=False)
    short = np.random.RandomState(0).standard_normal((2, steps.shape[1]))  # of a path that is a line, any other direction
    basis = np.linalg.qr(np.vstack([found[sizes > 1e-12 * sizes[0]][:2], short]).T)[0][:, :2].T
    shares = np.concatenate([sizes, [0.0, 0.0]])[:2] ** 2 / max(float(sizes @ sizes), np.finfo(np.float64).tiny)
    return basis, shares
