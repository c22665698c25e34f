"""Models under any loss, in scikit-learn's manner."""

from .classifier import GDClassifier
from .early_stopping import EarlyStopping
from .regressor import GDRegressor

__all__ = ["EarlyStopping", "GDClassifier", "GDRegressor"]
__version__ = "0.1.0"
