"""Models that an earlier version has pickled predict what they did, and a stream goes on."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

GOLDEN = pickle.loads((Path(__file__).parent / "golden" / "golden.pkl").read_bytes())
X = GOLDEN["X"]


def _load(name):
    """Return the model; scikit-learn warns where it was made by another of its versions, and these were made by the oldest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return pickle.loads(GOLDEN["models"][name]["pickle"])


@pytest.mark.parametrize("name", GOLDEN["models"])
def test_predictions_survive(name):
    model, expected = _load(name), GOLDEN["models"][name]["expected"]
    assert "predict" in expected
    for method, values in expected.items():
        found = getattr(model, method)(X)
        assert found.shape == values.shape
        assert found.dtype.kind == values.dtype.kind
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found, values, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("name", GOLDEN["models"])
def test_attributes_survive(name):
    model = _load(name)
    for attribute in ("loss_", "penalty_", "solver_", "model_", "n_iter_", "n_features_in_"):
        assert hasattr(model, attribute)
    if hasattr(model, "history_"):  # a stream has none
        assert len(model.history_["objective"]) == len(model.loss_curve_)
        assert model.loss_curve_[-1] <= model.loss_curve_[0]
    if not hasattr(model, "coefs_"):
        raw = X @ np.atleast_2d(model.coef_).T + model.intercept_
        np.testing.assert_allclose(np.ravel(model.model_.raw(X, vars(model))), np.ravel(raw), rtol=1e-12)
    assert repr(clone(model)) == repr(model)
    assert pickle.loads(pickle.dumps(model)).predict(X).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("name", ["stream", "stream of classes"])
def test_a_stream_goes_on(name):
    model, fresh = _load(name), clone(_load(name))
    y = model.predict(X)
    clock, before = model.t_, model.coef_.copy()
    more = {} if name == "stream" else {"classes": model.classes_}
    model.partial_fit(X, y)
    fresh.partial_fit(X, y, **more)
    assert model.t_ > clock > 0
    assert model.t_ - clock == fresh.t_
    assert np.abs(model.coef_ - before).max() > 0.0
    assert np.abs(model.coef_ - fresh.coef_).max() > 0.1 * np.abs(fresh.coef_).max()  # it did not begin anew
    assert model.score(X, y) > 0.9
