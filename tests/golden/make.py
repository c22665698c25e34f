"""Write golden.pkl: pickles of fitted models, with the rows and the predictions that they had when they were made.

Run it with the oldest numpy and scikit-learn that the package supports, so that a newer one can read what it writes:

    python tests/golden/make.py

It is run again only when the promise of docs/training.md ("Saving a model") is broken on purpose.
"""

import pickle
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Masked, SequenceLoss
from sklearn_gd.models import MLP

METHODS = ("predict", "predict_proba", "decision_function")


def models():
    """Return fitted models by name, each with the rows to predict."""
    rng = np.random.RandomState(0)
    X = np.round(rng.standard_normal((60, 4)), 3)
    raw = X @ rng.standard_normal((4, 3))
    y = np.round(raw + 0.3 * rng.standard_normal(raw.shape), 3)
    labels = np.array(["ash", "beech", "cedar"])[raw.argmax(axis=1)]
    holes = y[:, :2].copy()
    holes[::3, 0] = np.nan
    steps = (raw > 0).astype(int)
    steps[::2, 2] = -1
    stream = GDRegressor("huber", solver="sgd", random_state=0)
    for start in range(0, 60, 20):
        stream.partial_fit(X[start : start + 20], y[start : start + 20, 0])
    labelled = GDClassifier(random_state=0)
    for start in range(0, 60, 20):
        labelled.partial_fit(X[start : start + 20], labels[start : start + 20], classes=["ash", "beech", "cedar"])
    network = MLP((5,), activation="tanh")
    fitted = {
        "numbers": GDRegressor("huber", alpha=0.01).fit(X, y[:, 0]),
        "two outputs": GDRegressor("quantile", alpha=0.01).fit(X, y[:, :2]),
        "two classes": GDClassifier(alpha=0.01).fit(X, labels == "ash"),
        "three classes": GDClassifier(alpha=0.01).fit(X, labels),
        "multilabel": GDClassifier("squared_hinge", alpha=0.01).fit(X, (raw > 0).astype(int)),
        "network": GDClassifier(model=network, alpha=0.01, max_iter=20, random_state=0).fit(X, labels),
        "stream": stream,
        "stream of classes": labelled,
        "masked": GDRegressor(Masked("squared_error"), alpha=0.01).fit(X, holes),
        "sequences": GDClassifier(SequenceLoss(), alpha=0.01).fit(X, steps),
    }
    return X, fitted


def entry(model, X):
    """Return a pickle of a model, and what its methods return."""
    expected = {name: getattr(model, name)(X) for name in METHODS if hasattr(model, name)}
    return {"pickle": pickle.dumps(model, protocol=4), "expected": expected}


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, fitted = models()
    path = Path(__file__).with_name("golden.pkl")
    path.write_bytes(pickle.dumps({"X": X, "models": {name: entry(model, X) for name, model in fitted.items()}}, protocol=4))
    print(f"{path.name}: {len(fitted)} models, {path.stat().st_size:,} bytes")
