"""Inference for the coefficients of fitted linear models: tables, standard errors, p-values and confidence intervals."""

from __future__ import annotations

from .summary import summary
from .table import coef_table

__all__ = ["coef_table", "summary"]
