"""Minus log-likelihoods of distributions with two parameters, as losses."""

from .base import Distribution
from .beta import Beta
from .counts import NegativeBinomial, ZeroInflatedPoisson
from .scaled import LogNormal, Normal, StudentT

__all__ = ["Beta", "Distribution", "LogNormal", "NegativeBinomial", "Normal", "StudentT", "ZeroInflatedPoisson"]
