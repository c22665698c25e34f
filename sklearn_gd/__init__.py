"""Linear models and neural networks under any loss, with the scikit-learn API."""

from .estimators.classifier import GDClassifier
from .estimators.regressor import GDRegressor
from .training.early_stopping import EarlyStopping

__all__ = ["EarlyStopping", "GDClassifier", "GDRegressor"]
__version__ = "0.1.0"
