"""Linear models under any loss, in scikit-learn's manner."""

from .estimators import GDClassifier, GDRegressor

__all__ = ["GDClassifier", "GDRegressor"]
__version__ = "0.1.0"
