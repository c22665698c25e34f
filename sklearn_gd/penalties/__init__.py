"""Penalties on the weights. `PENALTIES` maps the names that ``penalty=`` takes to the classes.

The strength of a penalty is the estimator's alpha. A penalty takes ``weights`` of shape (n_features, K), never the intercept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..parts import Table
from .base import NoPenalty, Penalty
from .bounds import Box, NonNegative, Signs
from .by_name import ByName
from .contract import check_penalty
from .shrinkage import L1, L2, ElasticNet, GroupLasso

__all__ = [
    "L1",
    "L2",
    "PENALTIES",
    "Box",
    "ByName",
    "ElasticNet",
    "GroupLasso",
    "NoPenalty",
    "NonNegative",
    "Penalty",
    "Signs",
    "check_penalty",
    "get_penalty",
]

# GroupLasso, Box and Signs need arguments: they are passed as objects.
PENALTIES: Table[Penalty] = Table(
    "penalty",
    Penalty,
    {"l2": L2, "l1": L1, "elasticnet": ElasticNet, "nonnegative": NonNegative},
    {
        "ridge": "l2",
        "lasso": "l1",
        "elastic_net": "elasticnet",
        "elastic-net": "elasticnet",
        "enet": "elasticnet",
        "positive": "nonnegative",
        "non_negative": "nonnegative",
    },
)


def get_penalty(penalty: str | Penalty | Mapping[Any, Any] | None) -> Penalty:
    """Return a fresh, checked penalty for a name, a Penalty object, None, or a dict from feature names or patterns to these.

    Raises
    ------
    ValueError
        For an unknown name (with the known ones and the nearest), or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.penalties import get_penalty
    >>> get_penalty("l1")
    L1()
    >>> get_penalty({"age": "l2", "postcode_*": "l1"})
    ByName({'age': L2(), 'postcode_*': L1()})
    """
    if penalty is None:
        return NoPenalty()
    if isinstance(penalty, Mapping):
        return ByName({key: get_penalty(each) for key, each in penalty.items()})
    return PENALTIES.resolve(penalty)
