"""Epoch by epoch beside scikit-learn's SGD and MLP estimators: `python docs/benchmarks/epochs.py` makes the table `epochs.md`.

For each number of epochs ours is fitted once, without tuning; SGDClassifier and SGDRegressor are fitted
at every learning rate of a grid, and the best of them by the held-out loss itself is the rival. Seconds per epoch are the
difference of fits of ten epochs and of one, by nine.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import run  # noqa: F401  (sets one thread for all)
from benchmark_utils.tables import Missing, fashion, gaussian, text
from report import RESULTS, save
from sklearn.datasets import load_digits, make_friedman1
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.models import MLP
from sklearn_gd.solvers import SGD, Adam

EPOCHS = (1, 2, 5, 10)
RATES = [("optimal", 0.0), *((kind, eta) for kind in ("constant", "invscaling") for eta in (1e-3, 1e-2, 1e-1, 1.0, 10.0))]


def timed(model, X, y) -> float:
    """The seconds of a fit, the better of two."""
    times = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            began = time.perf_counter()
            model.fit(X, y)
            times.append(time.perf_counter() - began)
    return min(times)


def linear_data():
    """Name, X, y, alpha, and whether y is a class."""
    X, y = gaussian(250_000, 100)
    yield "dense 200,000 x 100", X, (y > np.median(y)).astype(int), 1e-5, True
    yield "dense 200,000 x 100", X, (y - y.mean()) / y.std(), 1e-5, False
    for name in ("bible", "trump_tweets"):
        try:
            X, label, amount = text(name)
        except Missing as error:
            print(f"left out: {name}: {error}")
            continue
        yield name, X, np.asarray(label).astype(int), 1e-4, True
        amount = np.asarray(amount, float)
        yield name, X, (amount - amount.mean()) / amount.std(), 1e-4, False


def held_out(model, X, y, classes: bool) -> float:
    """The loss that was minimised, on other rows."""
    return float(log_loss(y, model.predict_proba(X)) if classes else 0.5 * mean_squared_error(y, model.predict(X)))


def linear(rows: dict) -> None:
    """Ours beside SGDClassifier (log loss) and SGDRegressor (squared error)."""
    for name, X, y, alpha, classes in linear_data():
        A, B, a, b = train_test_split(X, y, test_size=0.2, random_state=0)
        found = rows[f"{name}, {'log loss' if classes else 'squared error'}"] = {"ours": {}, "momentum": {}, "rival": {}}
        make, rival = (GDClassifier, SGDClassifier) if classes else (GDRegressor, SGDRegressor)
        for epochs in EPOCHS:
            for side, solver in (("ours", SGD()), ("momentum", SGD(momentum=0.9))):
                model = make(solver=solver, alpha=alpha, max_iter=epochs, random_state=0)
                seconds = timed(model, A, a)
                found[side][epochs] = {"loss": held_out(model, B, b, classes), "seconds": seconds}
            best = {"loss": np.inf, "seconds": 0.0}
            for schedule, eta in RATES:
                settings = {"loss": "log_loss"} if classes else {}
                model = rival(
                    learning_rate=schedule, eta0=eta or 0.01, alpha=alpha, max_iter=epochs, tol=None, random_state=0, **settings
                )
                seconds = timed(model, A, a)
                loss = held_out(model, B, b, classes) if np.all(np.isfinite(model.coef_)) else np.inf
                if loss < best["loss"]:
                    best = {"loss": loss, "seconds": seconds, "rate": f"{schedule} {eta}"}
            found["rival"][epochs] = best
        for side in found:
            first, last = found[side][EPOCHS[0]]["seconds"], found[side][EPOCHS[-1]]["seconds"]
            found[side]["per_epoch"] = (last - first) / (EPOCHS[-1] - EPOCHS[0])
        print(name, classes, found, flush=True)


def network_data():
    """Name, X, y, hidden layers, epochs, whether y is a class."""
    X, y = load_digits(return_X_y=True)
    yield "digits", X / 16.0, y, (100,), 50, True
    X, y = make_friedman1(20_000, 10, noise=1.0, random_state=0)
    yield "friedman 20,000 x 10", X, (y - y.mean()) / y.std(), (100,), 20, False
    try:
        X, y = fashion()
        yield "fashion_mnist", X, y, (100,), 10, True
    except Missing as error:
        print(f"left out: {error}")


def networks(rows: dict) -> None:
    """Ours beside MLPClassifier and MLPRegressor: the same architecture, batches and number of epochs; columns scaled."""
    for name, X, y, hidden, epochs, classes in network_data():
        A, B, a, b = train_test_split(X, y, test_size=0.2, random_state=0)
        if not classes:
            scaler = StandardScaler().fit(A)
            A, B = scaler.transform(A), scaler.transform(B)
        make, rival = (GDClassifier, MLPClassifier) if classes else (GDRegressor, MLPRegressor)
        found = rows[name] = {}
        settings = {"max_iter": epochs, "random_state": 0}
        ours = make(model=MLP(hidden), solver=Adam(batch_size=200), **settings)
        theirs = rival(hidden_layer_sizes=hidden, batch_size=200, n_iter_no_change=10**6, **settings)
        for side, model in (("ours", ours), ("rival", theirs)):
            found[side] = {"seconds": timed(model, A, a), "score": float(model.score(B, b)), "epochs": epochs}
        print(name, found, flush=True)


def table(rows: dict) -> str:
    """The results in Markdown."""
    lines = ["| data, loss | solver | time per epoch: ours / rival | " + " | ".join(f"{e} epochs" for e in EPOCHS) + " |"]
    lines.append("| --- " * (3 + len(EPOCHS)) + "|")
    for name, found in rows["linear"].items():
        for side, title in (("ours", "`SGD()`"), ("momentum", "`SGD(momentum=0.9)`")):
            ratio = found[side]["per_epoch"] / found["rival"]["per_epoch"]
            cells = [f"{found[side][e]['loss']:.4f} / {found['rival'][e]['loss']:.4f}" for e in EPOCHS]
            lines.append(f"| {name} | {title} | {ratio:.2f} | {' | '.join(cells)} |")
    lines += ["", "| network | epochs | time: ours / rival | held-out score: ours / rival |", "| --- | --- | --- | --- |"]
    for name, found in rows["networks"].items():
        ours, rival = found["ours"], found["rival"]
        ratio = f"{ours['seconds'] / rival['seconds']:.2f}"
        lines.append(f"| {name} | {ours['epochs']} | {ratio} | {ours['score']:.4f} / {rival['score']:.4f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    results: dict = {"linear": {}, "networks": {}}
    networks(results["networks"])
    linear(results["linear"])
    save("epochs", results)
    (RESULTS / "epochs.md").write_text(table(results))
