"""Nested parameters of parts that were given by name: ``GDRegressor("huber")`` in a grid over ``loss__delta``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..losses import get_loss
from ..models import get_model
from ..penalties import get_penalty
from ..shown import Documented
from ..solvers import get_solver
from ..training.early_stopping import EarlyStopping

__all__ = ["NamedParts"]

# Functions from the value of a parameter to the part that it stands for.
PARTS: dict[str, Callable[[Any], Any]] = {
    "loss": get_loss,
    "penalty": get_penalty,
    "model": get_model,
    "solver": get_solver,
    "early_stopping": lambda given: EarlyStopping(),
}


class NamedParts(Documented):
    """An estimator whose parts may be given by name."""

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of the estimator or, with ``loss__delta=...``, those of its parts.

        A part that was given by name is replaced by the object that the name stands for.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            For an unknown parameter, or for a part without parameters: a plain function, ``solver="auto"``, no penalty.
        """
        for part in {name.partition("__")[0] for name in params if "__" in name} & set(PARTS):
            given = params.get(part, getattr(self, part))
            if not hasattr(given, "set_params"):
                if given in ("auto", None, False) or callable(given):
                    wanted = ", ".join(name for name in params if name.startswith(f"{part}__"))
                    shown = f"the function {given.__name__!r}" if hasattr(given, "__name__") else repr(given)
                    raise ValueError(f"{wanted}: {part} is {shown}, which has no parameters. Expected a name or an object.")
                params[part] = PARTS[part](given)
        return super().set_params(**params)
