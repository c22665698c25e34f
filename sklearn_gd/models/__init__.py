"""Models that map X to raw predictions. `MODELS` maps the names that ``model=`` takes to the classes.

A `Model` is only configuration; its `bind` returns the map itself, for given shapes. Solvers see the parameters as one flat
vector of float64.
"""

from __future__ import annotations

from ..parts import Table
from .base import BoundModel, LinearBound, Model
from .linear import Linear, LinearMap
from .mlp import ACTIVATIONS, MLP, Network

__all__ = ["ACTIVATIONS", "MLP", "MODELS", "BoundModel", "Linear", "LinearBound", "LinearMap", "Model", "Network", "get_model"]

MODELS: Table[Model] = Table(
    "model", Model, {"linear": Linear, "mlp": MLP}, {"perceptron": "mlp", "neural_network": "mlp", "nn": "mlp"}
)


def get_model(model: str | Model) -> Model:
    """Return a fresh, checked model for a name or an object.

    Raises
    ------
    ValueError
        For an unknown name, or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.models import get_model
    >>> get_model("linear")
    Linear()
    """
    return MODELS.resolve(model)
