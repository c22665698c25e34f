"""Losses written in PyTorch and JAX, beside those of this package, and those of this package in PyTorch."""

import doctest
import inspect
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import ALL_LOSSES, LOSS_IDS, OWN_COLUMNS

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.interop import JaxLoss, TorchLoss, as_torch
from sklearn_gd.losses import (
    LOSSES,
    CustomLoss,
    Huber,
    LogLoss,
    Masked,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SequenceLoss,
    SquaredError,
    check_loss,
)

KINDS = {"torch": TorchLoss, "jax": JaxLoss}


@pytest.fixture(params=list(KINDS))
def kind(request):
    """TorchLoss and JaxLoss, each where its library is installed."""
    pytest.importorskip(request.param)
    return KINDS[request.param]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


# -- the same functions in either library -----------------------------------------------------------------------------


def of_torch(array):
    return type(array).__module__.startswith("torch")


def of(array):
    """The library that an array belongs to."""
    return sys.modules["torch" if of_torch(array) else "jax.numpy"]


def nn(array):
    return sys.modules["torch.nn.functional" if of_torch(array) else "jax.nn"]


def squared_error(y, raw):
    return 0.5 * (raw - y) ** 2


def poisson(y, raw):
    return exp(raw) - y * raw


def huber(y, raw):
    size = abs(y - raw)
    return of(raw).where(size <= 0.3, 0.5 * size**2, 0.3 * size - 0.045)


def quantile(y, raw):
    error = y - raw
    return of(raw).where(error > 0, 0.85 * error, -0.15 * error)


def logistic(y, raw):
    return -log_sigmoid(y * raw)


def cross_entropy(codes, raw):
    own = codes[:, None] == of(raw).arange(raw.shape[1])
    return -(own * nn(raw).log_softmax(raw, 1)).sum(1)


def exp(raw):
    return of(raw).exp(raw)


def log(mean):
    return of(mean).log(mean)


def log_sigmoid(raw):
    return nn(raw).logsigmoid(raw) if of_torch(raw) else nn(raw).log_sigmoid(raw)


def sigmoid(raw):
    return exp(log_sigmoid(raw))


def softmax(raw):
    return nn(raw).softmax(raw, 1)


# the function, what else a fit needs, and the same loss of this package
SAME = {
    "squared_error": (squared_error, {}, SquaredError()),
    "poisson": (poisson, {"inverse_link": exp, "link": log}, Poisson()),
    "huber": (huber, {}, Huber(0.3)),
    "quantile": (quantile, {}, Quantile(0.85)),
    "logistic": (logistic, {"task": "classification", "inverse_link": sigmoid, "probabilistic": True}, LogLoss()),
    "cross_entropy": (
        cross_entropy,
        {"task": "classification", "rowwise": True, "inverse_link": softmax, "probabilistic": True},
        MultinomialLogLoss(),
    ),
}


def points(loss, n=40, k=3):
    """Random y in the domain of a loss, raw, and directions."""
    rng = np.random.default_rng(5)
    raw, v = 1.3 * rng.normal(size=(n, k)) + 0.17, rng.normal(size=(n, k))
    if loss.rowwise:
        return rng.integers(0, k, n), raw, v
    if loss.task == "classification":
        return rng.choice([-1.0, 1.0], (n, k)), raw, v
    y = 2.0 * rng.normal(size=(n, k)) + 0.4
    try:
        loss.check_target(y)
    except ValueError:
        y = np.abs(y) + 0.1
    return y, raw, v


@pytest.mark.parametrize("name", SAME)
def test_the_derivatives_are_the_closed_forms(kind, name):
    function, more, named = SAME[name]
    loss, (y, raw, v) = kind(function, **more), points(named)
    for method, arguments in {"value": (), "gradient": (), "curvature_product": (v,), "curvature_diagonal": ()}.items():
        got = getattr(loss, method)(y, raw, *arguments)
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, getattr(named, method)(y, raw, *arguments), rtol=1e-10, atol=1e-10, err_msg=method)
    assert np.ptp(loss.gradient(y, raw)) > 0


@pytest.mark.parametrize("name", SAME)
def test_they_satisfy_the_contract(kind, name):
    function, more, _ = SAME[name]
    report = {entry["check_name"]: entry for entry in check_loss(kind(function, **more))}
    assert not {name: entry["message"] for name, entry in report.items() if entry["status"] == "failed"}
    assert report["gradient"]["status"] == report["curvature"]["status"] == "passed"


@pytest.mark.parametrize(
    ("name", "solver"),
    [
        ("squared_error", "lbfgs"),
        ("poisson", "lbfgs"),
        *((name, "auto") for name in ("squared_error", "poisson", "huber", "quantile")),
    ],
)
def test_regressions_have_the_same_coefficients(kind, diabetes, name, solver):
    X, y = diabetes
    function, more, named = SAME[name]
    own = GDRegressor(kind(function, **more), alpha=1e-3, solver=solver, tol=1e-9).fit(X, y / 100.0)
    truth = GDRegressor(named, alpha=1e-3, solver=solver, tol=1e-9).fit(X, y / 100.0)
    assert own.converged_
    np.testing.assert_allclose(own.coef_, truth.coef_, atol=1e-6)
    np.testing.assert_allclose(own.predict(X), truth.predict(X), atol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "cross_entropy"])
def test_classifications_have_the_same_coefficients_and_probabilities(kind, name):
    X, y = load_iris(return_X_y=True)
    X, labels = StandardScaler().fit_transform(X), np.array(["a", "b", "c"])[y if name == "cross_entropy" else np.minimum(y, 1)]
    function, more, _ = SAME[name]
    own = GDClassifier(kind(function, **more), alpha=1e-2, tol=1e-9).fit(X, labels)
    truth = GDClassifier("log_loss", alpha=1e-2, tol=1e-9).fit(X, labels)
    np.testing.assert_allclose(own.coef_, truth.coef_, atol=1e-6)
    np.testing.assert_allclose(own.predict_proba(X), truth.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(own.predict(X), truth.predict(X))


def test_losses_of_pytorch_itself(torch, diabetes, wine):
    """Those of torch.nn.functional, with integer codes as they want them."""
    functional = torch.nn.functional

    def theirs(y_true, raw):
        return functional.poisson_nll_loss(raw, y_true, reduction="none")

    def entropy(y_true, raw):
        return functional.cross_entropy(raw, y_true, reduction="none")

    X, y = diabetes
    own, truth = GDRegressor(TorchLoss(theirs), alpha=1e-3).fit(X, y), GDRegressor("poisson", alpha=1e-3).fit(X, y)
    np.testing.assert_allclose(own.coef_, truth.coef_, atol=1e-6)
    X, y = wine
    loss = TorchLoss(entropy, rowwise=True)
    assert {entry["status"] for entry in check_loss(loss)} | {entry["status"] for entry in check_loss(loss, y=[0, 2, 1])} == {
        "passed",
        "skipped",
    }
    own = GDClassifier(loss, alpha=1e-2).fit(X, y)
    np.testing.assert_allclose(own.coef_, GDClassifier(alpha=1e-2).fit(X, y).coef_, atol=1e-6)


# -- as any other loss ------------------------------------------------------------------------------------------------


def test_parameters_copies_and_pickles(kind, diabetes):
    X, y = diabetes
    loss = kind(poisson, inverse_link=exp, link=log, convex=True)
    assert loss.get_params()["function"] is poisson
    assert loss.get_params()["inverse_link"] is exp
    assert list(loss.get_params()) == list(inspect.signature(kind).parameters)
    assert clone(loss).get_params() == loss.get_params()
    model = GDRegressor(loss, alpha=1e-3).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert loss.in_words == f"{kind.__name__}(poisson, inverse_link=exp, link=log, convex=True)"
    assert "poisson" in repr(loss)
    assert loss.name == "'poisson'"
    assert loss.set_params(function=huber, convex=None).get_params()["function"] is huber
    assert loss.gradient(np.array([[5.0]]), np.array([[1.0]])) == -0.3
    with pytest.raises(ValueError, match=f"^{kind.__name__} has no parameter 'slope'"):
        loss.set_params(slope=1)
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(function=None\): expected a function"):
        GDRegressor(kind(None)).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_in_a_pipeline_and_a_search(kind, diabetes, n_jobs):
    X, y = diabetes
    pipeline = make_pipeline(StandardScaler(), GDRegressor(kind(huber)))
    grid = {"gdregressor__loss__function": [huber, squared_error], "gdregressor__alpha": [1e-3, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, y)
    assert search.best_params_["gdregressor__loss__function"] is squared_error
    truth = make_pipeline(StandardScaler(), GDRegressor(alpha=search.best_params_["gdregressor__alpha"])).fit(X, y)
    np.testing.assert_allclose(search.predict(X), truth.predict(X), rtol=1e-6)


def test_threads_and_float32_data(kind, diabetes):
    X, y = diabetes
    X, y = np.tile(X, (40, 1)), np.tile(y, 40)
    one, two = (GDRegressor(kind(huber), n_jobs=jobs).fit(X, y) for jobs in (1, 2))
    np.testing.assert_allclose(one.coef_, two.coef_, rtol=1e-12)
    short = GDRegressor(kind(huber)).fit(X.astype(np.float32), y)
    assert short.coef_.dtype == np.float32
    np.testing.assert_allclose(short.coef_, one.coef_, atol=1e-3)


def error_of_logarithms(y, raw):
    return abs(log(y) - raw)


def test_kinks_at_the_link_of_y_are_found(kind, diabetes):
    X, y = diabetes
    model = GDRegressor(kind(error_of_logarithms, inverse_link=exp, link=log), alpha=1e-3).fit(X, y)
    truth = GDRegressor("absolute_error", alpha=1e-3).fit(X, np.log(y))
    assert model.loss_.piecewise_linear
    np.testing.assert_allclose(np.log(model.predict(X)), truth.predict(X), atol=1e-6)
    assert pickle.loads(pickle.dumps(model)).loss_.piecewise_linear


def wrong(y, raw):
    return 2.0 * (raw - y)


def soft_threshold(y, v, step):
    return y + of(v).sign(v - y) * of(v).clip(abs(v - y) - step, 0.0, None)


def absolute(y, raw):
    return abs(raw - y)


def test_derivatives_that_are_given_come_first(kind):
    y, raw, v = points(SquaredError())
    loss = kind(squared_error, gradient=wrong, curvature=poisson)
    np.testing.assert_allclose(loss.gradient(y, raw), 2.0 * (raw - y))
    np.testing.assert_allclose(loss.curvature_product(y, raw, v), (np.exp(raw) - y * raw) * v)
    with pytest.raises(ValueError, match="the gradient is .*a factor of 2 is too much"):
        GDRegressor(kind(squared_error, gradient=wrong)).fit(raw, y)
    expected = LOSSES["absolute_error"]().prox(y, raw, 0.4)
    np.testing.assert_allclose(kind(absolute, prox=soft_threshold).prox(y, raw, 0.4), expected)


def constant_to_autograd(y, raw):
    held = raw.detach() if of_torch(raw) else sys.modules["jax"].lax.stop_gradient(raw)
    return 0.5 * (held - y) ** 2


def mean_of_all(y, raw):
    return ((raw - y) ** 2).mean()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (mean_of_all, "Return the loss of each sample, not their mean"),
        (constant_to_autograd, "derivatives of the loss 'constant_to_autograd' are not those of its values: the gradient is 0"),
        (lambda y, raw: (raw - y) * 1j, "expected real numbers"),
    ],
)
def test_mistakes_are_named(kind, diabetes, function, message):
    with pytest.raises(ValueError, match=message):
        GDRegressor(kind(function)).fit(*diabetes)


def test_arrays_as_they_come(kind):
    """Read-only, backwards, big-endian; and a user's y is never changed."""
    y, raw, _ = points(Huber(0.3))
    loss, expected = kind(huber), Huber(0.3).gradient(y, raw)
    locked = raw.copy()
    locked.flags.writeable = False
    for odd in (locked, raw[::-1].copy()[::-1], np.asfortranarray(raw), raw.astype(">f8")):
        np.testing.assert_array_equal(loss.gradient(y, odd), loss.gradient(y, raw))
        np.testing.assert_array_equal(loss.value(y, odd), loss.value(y, raw))
    np.testing.assert_allclose(loss.gradient(y, raw), expected, rtol=1e-12)


def costed(y, raw, cost):
    return cost * (raw - y) ** 2


def costed_by_name(y, raw, data):
    return data["cost"] * (raw - y) ** 2 + 0.0 * data["group"]


def mean_and_spread(y, raw):
    return raw[:, 1] + 0.5 * ((y - raw[:, 0]) / of(raw).exp(raw[:, 1])) ** 2


def test_data_of_the_rows(kind, diabetes):
    X, y = diabetes
    cost = np.random.default_rng(0).uniform(0.2, 3.0, len(y))
    truth = GDRegressor(CustomLoss(costed), alpha=1e-3, tol=1e-9).fit(X, y, loss_data=cost)
    frame = pd.DataFrame({"group": np.arange(len(y)), "cost": cost})
    for function, data in ((costed, cost), (costed_by_name, frame)):
        model = GDRegressor(kind(function), alpha=1e-3, tol=1e-9).fit(X, y, loss_data=data)
        np.testing.assert_allclose(model.coef_, truth.coef_, rtol=1e-6)
    with pytest.raises(ValueError, match="loss_data is None"):
        GDRegressor(kind(costed)).fit(X, y)


def test_data_of_the_rows_in_pytorch(torch):
    y, raw = tensors(torch, SquaredError())
    cost = np.arange(6.0)
    np.testing.assert_allclose(
        as_torch(CustomLoss(costed).for_rows(cost))(y, raw).detach(), costed(y, raw, torch.tensor(cost)[:, None]).detach()
    )


def test_a_mean_and_a_spread(kind, diabetes):
    """The Gaussian likelihood is greatest at the mean and the standard deviation of each group."""
    _, y = diabetes
    X = np.eye(3)[np.arange(len(y)) % 3]
    model = GDRegressor(kind(mean_and_spread, rowwise=True, n_raw=2), alpha=0.0, fit_intercept=False, tol=1e-9)
    coef = model.fit(X, y / 100.0).coef_
    groups = [y[k::3] / 100.0 for k in range(3)]
    np.testing.assert_allclose(coef[0], [group.mean() for group in groups], atol=1e-6)
    np.testing.assert_allclose(np.exp(coef[1]), [group.std() for group in groups], atol=1e-6)


def test_jax_keeps_its_configuration(diabetes):
    jnp = pytest.importorskip("jax.numpy")
    X, y = diabetes
    assert GDRegressor(JaxLoss(huber)).fit(X, y).coef_.dtype == np.float64
    assert jnp.zeros(1).dtype == np.float32


def test_pytorch_outside_its_gradients(torch, diabetes):
    X, y = diabetes
    with torch.no_grad():
        model = GDRegressor(TorchLoss(huber)).fit(X, y)
    np.testing.assert_array_equal(model.coef_, GDRegressor(TorchLoss(huber)).fit(X, y).coef_)


def test_a_parameter_inside_the_function_is_a_number(torch, diabetes):
    X, y = diabetes
    delta = torch.tensor(0.3, requires_grad=True)

    def own(y_true, raw):
        return torch.nn.functional.huber_loss(raw, y_true, reduction="none") * delta

    assert GDRegressor(TorchLoss(own)).fit(X, y).converged_


# -- the losses of this package in PyTorch ----------------------------------------------------------------------------


def tensors(torch, loss, dtype="float64"):
    y, raw, _ = points(loss, n=6)
    return torch.tensor(y), torch.tensor(raw, dtype=getattr(torch, dtype), requires_grad=True)


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=LOSS_IDS)
def test_gradients_of_every_loss(torch, loss):
    y, raw = tensors(torch, loss)
    criterion = as_torch(loss)
    assert torch.autograd.gradcheck(lambda z: criterion(y, z), raw)
    np.testing.assert_array_equal(criterion(y, raw).detach(), loss.value(y.numpy(), raw.detach().numpy()))
    if loss.smooth:
        assert torch.autograd.gradgradcheck(lambda z: criterion(y, z), raw)


@pytest.mark.parametrize("name", [name for name in OWN_COLUMNS if LOSSES[name]().rowwise])
def test_gradients_with_other_columns_than_outputs(torch, name):
    y = torch.tensor([0, 1, 2]) if LOSSES[name].task == "classification" else torch.tensor([0.2, 0.5, 0.9])
    raw = torch.tensor([[0.3, -0.5], [0.2, -0.9], [-0.1, -0.3]], dtype=torch.float64, requires_grad=True)
    criterion = as_torch(name)
    assert torch.autograd.gradcheck(lambda z: criterion(y, z), raw)
    assert torch.autograd.gradgradcheck(lambda z: criterion(y, z), raw)


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=LOSS_IDS)
def test_float32_has_the_numbers_of_float64(torch, loss):
    y, raw = tensors(torch, loss, "float32")
    criterion = as_torch(loss)
    value = criterion(y.float() if y.is_floating_point() else y, raw)
    assert value.dtype == torch.float32
    (slope,) = torch.autograd.grad(value.sum(), raw, create_graph=True)
    assert slope.dtype == torch.float32
    expected = loss.gradient(y.float().double().numpy() if y.is_floating_point() else y.numpy(), raw.detach().double().numpy())
    np.testing.assert_array_equal(slope.detach(), expected.astype(np.float32))


def test_missing_entries_and_sequences(torch):
    y, raw = tensors(torch, SquaredError())
    y[0, 1] = torch.nan
    criterion = as_torch(Masked("huber"))
    assert torch.autograd.gradcheck(lambda z: criterion(y, z), raw)
    assert criterion(y, raw)[0, 1] == 0
    steps = np.array([[0, 1], [2, 1], [1, -1]])
    loss = SequenceLoss()
    loss = loss.for_target(loss.target(steps))
    raw = torch.randn(3, 6, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda z: as_torch(loss)(torch.tensor(steps), z), raw)
    np.testing.assert_array_equal(as_torch(loss)(steps, raw).detach(), loss.value(steps, raw.detach().numpy()))


@pytest.mark.parametrize("shape", [(), (5,), (0,), (5, 2), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_shapes_and_dtypes(torch, shape, dtype):
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(1, 9, shape, generator=generator)
    raw = torch.randn(shape, generator=generator).to(getattr(torch, dtype)).requires_grad_()
    value = as_torch(Quantile(0.75))(y, raw)
    assert (value.shape, value.dtype) == (raw.shape, raw.dtype)
    expected = torch.where(y > raw, -0.75, 0.25).to(raw.dtype)
    assert torch.equal(torch.autograd.grad(value.sum(), raw)[0], expected)


def test_a_layer_trained_in_pytorch_is_the_fitted_model(torch, diabetes):
    X, y = diabetes
    model = GDRegressor(Huber(30.0), alpha=0.0, tol=1e-10).fit(X, y)
    layer, criterion = torch.nn.Linear(X.shape[1], 1).double(), as_torch(Huber(30.0))
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=500, line_search_fn="strong_wolfe", tolerance_change=0.0)

    def closure():
        optimizer.zero_grad()
        loss = criterion(torch.tensor(y), layer(torch.tensor(X))[:, 0]).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(layer.weight.detach().numpy()[0], model.coef_, rtol=1e-4)


def test_functional_transforms(torch):
    y, raw = tensors(torch, Poisson())
    criterion = as_torch("poisson")
    slope = torch.func.grad(lambda z: criterion(y, z).sum())(raw.detach())
    np.testing.assert_array_equal(slope, Poisson().gradient(y.numpy(), raw.detach().numpy()))
    hessian = torch.autograd.functional.hessian(lambda z: criterion(y, z).sum(), raw.detach()).reshape(18, 18)
    np.testing.assert_allclose(hessian, np.diag(np.exp(raw.detach().numpy()).ravel()))


def test_the_loss_of_a_fitted_model(torch, diabetes):
    """It knows the kinks that the fit has found."""
    X, y = diabetes
    loss = GDRegressor(np_absolute).fit(X, y).loss_
    raw = torch.tensor(y, requires_grad=True)
    as_torch(loss)(torch.tensor(y), raw).sum().backward()
    np.testing.assert_array_equal(raw.grad[:, None], loss.gradient(y[:, None], y[:, None]))


def np_absolute(y, raw):
    return np.abs(y - raw)


def test_round_trip(torch):
    y, raw = tensors(torch, Huber(0.3))
    np.testing.assert_allclose(as_torch(TorchLoss(huber))(y, raw).detach(), huber(y, raw).detach(), rtol=1e-15)
    back = TorchLoss(as_torch(Huber(0.3)))
    arrays = y.numpy(), raw.detach().numpy()
    np.testing.assert_array_equal(back.gradient(*arrays), Huber(0.3).gradient(*arrays))
    ones = np.ones_like(arrays[1])
    np.testing.assert_array_equal(back.curvature_product(*arrays, ones), Huber(0.3).curvature_product(*arrays, ones))


def test_a_function_of_numpy_and_a_pickle(torch):
    y, raw = tensors(torch, SquaredError())
    criterion = pickle.loads(pickle.dumps(as_torch(np_pseudo_huber)))
    (slope,) = torch.autograd.grad(criterion(y, raw).sum(), raw)
    np.testing.assert_allclose(slope, ((raw - y) / torch.sqrt(1.0 + (raw - y) ** 2)).detach(), rtol=1e-6)


def np_pseudo_huber(y, raw):
    return np.sqrt(1.0 + (raw - y) ** 2)


@pytest.mark.parametrize(
    ("loss", "y", "raw", "error", "message"),
    [
        ("squared_error", [1.0, 2.0], [[1.0], [2.0]], ValueError, r"y_true has shape \(2,\): expected that of raw, \(2, 1\)"),
        ("squared_error", [1.0, 2.0], [1, 2], TypeError, "expected a tensor of floating-point numbers"),
        ("poisson", [-1.0, 2.0], [1.0, 2.0], ValueError, "Poisson needs y >= 0"),
        ("log_loss", [0.0, 1.0], [1.0, 2.0], ValueError, r"y_true holds 0: LogLoss expects -1 or \+1"),
        (MultinomialLogLoss(), [-1, 1], [[1.0, 2.0], [1.0, 2.0]], ValueError, "MultinomialLogLoss expects codes from 0 to 1"),
        (MultinomialLogLoss(), [0, 2], [[1.0, 2.0], [1.0, 2.0]], ValueError, "y_true holds 2"),
        (MultinomialLogLoss(), [0, 1], [1.0, 2.0], ValueError, r"raw has shape \(2,\): expected \(2, K\)"),
        (MultinomialLogLoss(), [0, 1], [[1.0, 2.0]], ValueError, r"raw has shape \(1, 2\): expected \(2, K\)"),
    ],
)
def test_what_as_torch_refuses(torch, loss, y, raw, error, message):
    with pytest.raises(error, match=message):
        as_torch(loss)(torch.tensor(y), torch.tensor(raw))


def test_no_third_derivative(torch):
    y, raw = tensors(torch, Poisson())
    (slope,) = torch.autograd.grad(as_torch("poisson")(y, raw).sum(), raw, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), raw, create_graph=True)
    with pytest.raises(NotImplementedError, match="Poisson in PyTorch has two derivatives"):
        curvature.sum().backward()


# -- what is not installed, and what is documented --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_the_command_that_installs_the_library(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    loss = KINDS[name](squared_error)
    assert clone(loss).get_params()["function"] is squared_error
    with pytest.raises(ImportError, match=rf'pip install "sklearn-gd\[{name}\]"'):
        loss.value(np.zeros((1, 1)), np.zeros((1, 1)))


def test_the_command_that_installs_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-gd\[torch\]"'):
        as_torch("huber")


@pytest.mark.parametrize(("name", "documented"), [("torch", TorchLoss), ("torch", as_torch), ("jax", JaxLoss)])
def test_examples(name, documented):
    pytest.importorskip(name)
    text = inspect.getdoc(documented).replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(text, {}, documented.__name__, None, None)
    assert len(example.examples) >= 6
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("documented", [TorchLoss, JaxLoss])
def test_every_parameter_is_documented(documented):
    for parameter in inspect.signature(documented).parameters:
        assert f"\n{parameter} : " in inspect.getdoc(documented)
