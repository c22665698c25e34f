"""Losses of this package as objectives and metrics of gradient-boosting libraries.

References
----------
J. Friedman, Greedy Function Approximation: A Gradient Boosting Machine, 2001; T. Chen and C. Guestrin, XGBoost: A Scalable Tree
Boosting System, 2016 (leaves as Newton steps); D. Hunter and K. Lange, Quantile Regression via an MM Algorithm, 2000 (the
curvature of a parabola in place of that of a loss with kinks).
"""

from __future__ import annotations

from .with_catboost import catboost_metric, catboost_objective
from .with_lightgbm import lightgbm_metric, lightgbm_objective
from .with_xgboost import xgboost_metric, xgboost_objective

__all__ = [
    "catboost_metric",
    "catboost_objective",
    "lightgbm_metric",
    "lightgbm_objective",
    "xgboost_metric",
    "xgboost_objective",
]
