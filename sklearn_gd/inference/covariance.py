"""The covariance of the coefficients of a fitted linear model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..arrays import EPS, Array
from ..losses import Loss
from .checks import check_quantile, check_stationary
from .density import density_at_zero
from .derivatives import Curvature, Sample, expected, observed
from .likelihoods import likelihood_of, pinball

__all__ = ["covariance_of", "inverted", "pushed"]

# The relative error of second derivatives of a loss that couples columns of raw, if they are computed numerically.
NUMERIC = 1e-6


def covariance_of(sample: Sample, kind: str, clusters: Array | None, names: list[str]) -> Array:
    """Return the covariance of the coefficients of centred columns, in the basis of the sample, (K', m, K', m).

    Raises
    ------
    ValueError
        If the loss has kinks without a known density, or the Hessian is not positive definite.
    """
    loss, n, b = sample.loss, sample.counts, sample.size
    slopes = None if loss.smooth else pinball(sample.bound, sample.y)
    if not (loss.smooth or slopes):
        raise ValueError(
            f"The loss {loss.name} has kinks: expected a smooth loss, or quantile or absolute_error, whose Hessian a density "
            "determines."
        )
    if slopes:
        sample = sample.as_quantile(*slopes)
        check_quantile(sample)
    quasi = kind == "model" and likelihood_of(loss) in ("quasi", "normal")
    curvature: Curvature = partial(_constant, _densities(sample, *slopes)) if slopes else expected if quasi else observed
    noise = NUMERIC if loss.rowwise and loss.derives_curvature else 64 * EPS * b
    free, inverse = np.flatnonzero(sample.free), np.zeros((len(n), len(sample.free), len(sample.free)))
    hessian = sample.hessian(curvature)[:, free][:, :, free]
    inverse[np.ix_(np.arange(len(n)), free, free)] = inverted(hessian, noise, partial(_named, names, sample))
    if kind == "model":
        blocks = (_dispersion(sample) if quasi else np.ones(len(n)))[:, None, None] * inverse
        covariance = np.einsum("bc,bij->bcij", np.eye(len(n)), blocks)
    else:
        root = np.sqrt(_correction(sample, clusters, exact=bool(slopes)))
        squares = np.outer(root, root)[:, :, None, None] * sample.squares(clusters)
        covariance = inverse[:, None] @ squares @ inverse[None]
    if loss.smooth:
        check_stationary(sample, inverse, np.sqrt(np.maximum(np.einsum("bbii->bi", covariance), 0.0)))
    m, k = sample.model.n_inputs, sample.model.n_raw
    if loss.rowwise:
        return covariance.reshape(m, k, m, k).transpose(1, 0, 3, 2)
    return covariance.transpose(0, 2, 1, 3)


def _correction(sample: Sample, clusters: Array | None, exact: bool) -> Array:
    """Return the factor for small samples of each block; 1 if there are no clusters and `exact`."""
    n, b = sample.counts, sample.size
    if clusters is not None:
        n_clusters = clusters.max() + 1
        return np.asarray(n_clusters / (n_clusters - 1) * (n - 1) / (n - b))
    return np.ones(len(n)) if exact else np.asarray(n / (n - b))


def _dispersion(sample: Sample) -> Array:
    """Return the dispersion of a quasi-likelihood in each column of raw, by Pearson's chi-squared statistic.

    The square of a Pearson residual is the squared gradient over the expected curvature.
    """
    loss = sample.bound
    curvature, squares = expected(loss, sample.y, sample.raw), loss.gradient(sample.y, sample.raw) ** 2
    squares = np.divide(squares, curvature, out=np.zeros_like(squares), where=curvature != 0)  # a missing target has neither
    return sample.weight @ squares / (sample.counts - sample.size)


def _densities(sample: Sample, left: float, right: float) -> Array:
    """Return the density of the errors at the kink in each column of raw: the mean curvature of the quantile loss."""
    y, errors = sample.y if sample.offset is None else sample.y - sample.offset, sample.y - sample.raw
    q = -left / (right - left)
    return np.array([density_at_zero(e, column, sample.weight, q) for e, column in zip(errors.T, y.T, strict=True)])


def _constant(curvature: Array, loss: Loss, y: Array, raw: Array) -> Array:
    return np.broadcast_to(curvature, raw.shape)


def _named(names: list[str], sample: Sample, mask: Array) -> str:
    """Return the names of the features of some parameters of a block."""
    places = np.flatnonzero(sample.free)[mask]
    features = np.unique(places // (sample.model.n_raw if sample.loss.rowwise else 1))
    some = ", ".join(names[j] for j in features[:5])
    return some if len(features) <= 5 else f"{some} and {len(features) - 5} more"


def inverted(hessian: Array, noise: float, named: Callable[[Array], str]) -> Array:
    """Return the inverse of each block of a Hessian, (B, b, b), which must be positive definite.

    Parameters
    ----------
    hessian : ndarray of shape (B, b, b)
    noise : float
        The size of an eigenvalue that may be due to rounding, relative to the diagonal.
    named : callable
        The function from a mask of parameters, (b,), to the names of their features.

    Raises
    ------
    ValueError
        If a block is not finite, singular or indefinite.
    """
    if not np.all(np.isfinite(hessian)):
        raise ValueError("The Hessian is not finite: expected smaller raw predictions, such as those of scaled columns of X.")
    diagonal = np.einsum("bii->bi", hessian)
    if np.any(diagonal < 0):
        raise ValueError("The Hessian is not positive definite: expected the coefficients of a minimum of the objective.")
    if np.any(diagonal == 0):
        raise ValueError(_not_identified(named((diagonal == 0).any(axis=0))))
    unit = 1.0 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(unit[:, :, None] * hessian * unit[:, None, :])
    least = values[:, 0]
    if np.any(least < -noise):
        raise ValueError("The Hessian is not positive definite: expected the coefficients of a minimum of the objective.")
    if np.any(least <= noise):
        direction = np.abs(vectors[np.argmin(least), :, 0])
        raise ValueError(_not_identified(named(direction > 0.1 * direction.max())))
    inverse = (vectors / values[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.asarray(unit[:, :, None] * inverse * unit[:, None, :])


def _not_identified(names: str) -> str:
    return (
        f"The rows do not determine the coefficients of {names}: expected columns that vary and are linearly independent, and "
        "a loss that depends on each column of raw."
    )


def pushed(covariance: Array, contrasts: Array, shift: Array) -> Array:
    """Return the covariance of linear functions of parameters, (K m, K m).

    Parameters
    ----------
    covariance : ndarray of shape (K', m, K', m)
    contrasts : ndarray of shape (K, K')
        From the columns of the parameters to the reported ones.
    shift : ndarray of shape (m, m)
        From the coefficients of centred columns to the reported ones.
    """
    n_columns, m = covariance.shape[:2]
    result = covariance.reshape(n_columns * m, -1)
    for _ in range(2):
        result = np.einsum("ak,ij,kjx->aix", contrasts, shift, result.reshape(n_columns, m, -1), optimize=True)
        result = result.reshape(len(contrasts) * m, -1).T
    return 0.5 * (result + result.T)
