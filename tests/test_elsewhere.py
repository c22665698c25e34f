"""A fitted model in another process: functions of the user's travel by value, and predictions need no code of the loss."""

import copy
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import CustomLoss, Huber, Masked
from sklearn_gd.models import Linear

RNG = np.random.RandomState(0)
X = RNG.standard_normal((200, 3))
Y = X @ [1.0, 2.0, 3.0] + RNG.standard_normal(200)
COUNTS = RNG.poisson(np.exp(X @ [0.1, 0.2, 0.3])).astype(float)

MODULE = """
import numpy as np
from sklearn_gd.losses import LogLoss, Loss, Normal, OrdinalLogLoss, Poisson
from sklearn_gd.penalties import L2


def cost(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * (y_true - raw) ** 2


def link(raw):
    return np.exp(raw)


class MyPoisson(Poisson):
    pass


class MyGrades(OrdinalLogLoss):
    pass


class MyNormal(Normal):
    pass


class MyLogLoss(LogLoss):
    pass


class MyCounts(Loss):
    task = "regression"

    def value(self, y, raw):
        return np.exp(raw) - y * raw

    def inverse_link(self, raw):
        return np.exp(raw)


class MyLoss(Loss):
    task = "regression"

    def value(self, y, raw):
        return np.cosh(np.clip(y - raw, -50.0, 50.0))


class MyPenalty(L2):
    pass
"""


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A module of the user's, which only this process can import."""
    (tmp_path / "module_of_theirs.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("module_of_theirs")
    yield module
    sys.modules.pop("module_of_theirs", None)


def _elsewhere(folder, thing, code):
    """Return what code prints in another process, where `thing` is unpickled."""
    path = folder / "thing.pkl"
    path.write_bytes(pickle.dumps(thing))
    script = f"import pickle\nimport numpy as np\nthing = pickle.load(open({str(path)!r}, 'rb'))\n" + textwrap.dedent(code)
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


AS_HERE = """
for name, (model, expected) in thing["models"].items():
    np.testing.assert_array_equal(model.predict(thing["X"]), expected)
    print(name)
"""


def test_functions_without_a_module(tmp_path):
    """Lambdas and functions of a notebook, with what they refer to: they predict, fit and go on."""
    factor = 7.0
    models = {
        "lambda": (GDRegressor(lambda y, raw: factor * (y - raw) ** 2), Y),
        "classes": (GDClassifier(lambda y, raw: np.log1p(np.exp(-y * raw))), Y > 0),
        "link": (GDRegressor(CustomLoss(lambda y, raw: np.exp(raw) - y * raw, inverse_link=lambda raw: np.exp(raw))), COUNTS),
        "start": (GDRegressor(model=Linear(init=lambda shape, random_state: np.zeros(shape))), Y),
        "pipeline": (make_pipeline(StandardScaler(), GDRegressor(lambda y, raw: np.abs(y - raw))), Y),
    }
    thing = {"X": X, "models": {name: (model.fit(X, y), model.predict(X)) for name, (model, y) in models.items()}}
    assert _elsewhere(tmp_path, thing, AS_HERE).split() == list(models)
    again = pickle.loads(pickle.dumps(thing))
    for name, (model, y) in models.items():
        for other in (again["models"][name][0], copy.deepcopy(model)):
            other.fit(X, y)
            np.testing.assert_allclose(other.predict(X), thing["models"][name][1], atol=1e-6)
    assert copy.copy(models["lambda"][0]).loss is models["lambda"][0].loss
    assert copy.deepcopy(models["lambda"][0]).loss is models["lambda"][0].loss


def test_a_stream_goes_on_after_pickling():
    one, two = (GDRegressor(lambda y, raw: (y - raw) ** 2, solver="adam", random_state=0).partial_fit(X, Y) for _ in range(2))
    again = pickle.loads(pickle.dumps(two))
    for _ in range(3):
        one.partial_fit(X, Y)
        again.partial_fit(X, Y)
    np.testing.assert_array_equal(again.coef_, one.coef_)


def test_workers_of_a_search():
    def cost(y_true, raw):
        return np.abs(y_true - raw)

    scores = cross_val_score(GDRegressor(cost), X, Y, cv=3, n_jobs=2)
    np.testing.assert_allclose(scores, cross_val_score(GDRegressor(cost), X, Y, cv=3))


def test_predictions_without_the_code(theirs, tmp_path):
    """Where the module is missing, predict works, and what needs the loss says what is missing; a new loss can be fitted."""
    models = {
        "function": (GDRegressor(theirs.cost), Y),
        "custom": (GDRegressor(CustomLoss(theirs.cost, inverse_link=np.exp)), COUNTS),
        "by value": (GDRegressor(CustomLoss(theirs.cost, inverse_link=lambda raw: np.exp(raw))), COUNTS),
        "subclass": (GDRegressor(theirs.MyPoisson()), COUNTS),
        "ordered": (GDClassifier(theirs.MyGrades()), np.digitize(Y, [-2.0, 2.0])),
        "normal": (GDRegressor(theirs.MyNormal()), Y),
        "classes": (GDClassifier(theirs.MyLogLoss()), Y > 0),
        "class": (GDRegressor(theirs.MyLoss()), Y),
        "masked": (GDRegressor(Masked(theirs.MyLoss())), Y),
        "penalty": (GDRegressor(penalty=theirs.MyPenalty()), Y),
        "pipeline": (make_pipeline(StandardScaler(), GDRegressor(theirs.cost)), Y),
    }
    fitted = {name: (model.fit(X, y), model.predict(X)) for name, (model, y) in models.items()}
    for name, (model, y) in models.items():  # where it is there, nothing is missing
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).fit(X, y).predict(X), fitted[name][1])
    code = (
        AS_HERE
        + """
    from sklearn.base import clone
    from sklearn_gd.metrics import mean_loss

    def refusal(function):
        try:
            function()
        except Exception as error:
            return str(error)
        raise AssertionError("it was not refused")

    X = thing["X"]
    for name, (model, y) in thing["models"].items():
        missing = "MyPenalty" if name == "penalty" else "module_of_theirs"
        assert missing in refusal(lambda: clone(model).fit(X, y)), refusal(lambda: clone(model).fit(X, y))
        if name != "penalty":
            assert "predictions do not need it" in refusal(lambda: mean_loss(model, X, y))
        repr(model)
    again = thing["models"]["function"][0].set_params(loss="huber").fit(X, y)
    print(again.loss_)
    """.replace("\n    ", "\n")
    )
    out = _elsewhere(tmp_path, {"X": X, "models": fitted}, code)
    assert out.splitlines() == [*models, repr(Huber())]


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict_interval", "predict_distribution"])
def test_all_predictions_without_the_code(theirs, method):
    """What a subclass of a loss of the package predicts is as under that loss, also where the subclass is missing."""
    ordered, spread = np.digitize(Y, [-2.0, 2.0]), method in ("predict_interval", "predict_distribution")
    models = (
        [GDRegressor(theirs.MyNormal()).fit(X, Y), GDRegressor(theirs.MyPoisson()).fit(X, COUNTS)]
        if spread
        else [GDClassifier(theirs.MyGrades()).fit(X, ordered), GDClassifier(theirs.MyLogLoss()).fit(X, Y > 0)]
    )
    expected = [getattr(model, method)(X) for model in models]
    pickled = pickle.dumps(models)
    sys.modules.pop("module_of_theirs")
    sys.path.remove(str(Path(theirs.__file__).parent))
    for model, here in zip(pickle.loads(pickled), expected, strict=True):
        found = getattr(model, method)(X)
        assert type(model.loss_).__name__ == "MissingLoss"
        if method == "predict_distribution":
            here, found = here.std(), found.std()
        np.testing.assert_array_equal(found, here)


@pytest.mark.parametrize("of_class", [True, False])
def test_a_link_that_is_missing(theirs, tmp_path, of_class):
    loss = theirs.MyCounts() if of_class else CustomLoss(theirs.cost, inverse_link=theirs.link)
    model = GDRegressor(loss).fit(X, COUNTS)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    code = """
    try:
        thing.predict(np.zeros((2, 3)))
    except ValueError as error:
        print(error)
    """
    name = "inverse_link" if of_class else "link"
    assert f"The code of '{name}' is not there (ModuleNotFoundError: No module named 'module_of_theirs')" in _elsewhere(
        tmp_path, model, code
    )


def test_plain_models_are_pickled_as_before():
    """Without functions of the user's, no bytes of code are in a pickle."""
    assert b"cloudpickle" not in pickle.dumps(GDRegressor("huber").fit(X, Y))
    assert "_sealed" not in GDClassifier().fit(X, Y > 0).__getstate__()
    assert "_sealed" in GDRegressor(lambda y, raw: (y - raw) ** 2).__getstate__()
