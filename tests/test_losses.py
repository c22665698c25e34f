"""Every loss, against 50-digit arithmetic and against the contract."""

import mpmath as mp
import numpy as np
import pytest
from tables import ALL_LOSSES, LOSS_IDS

from sklearn_gd.losses import LOSSES, CustomLoss, Loss, Moreau, check_loss, get_loss

mp.mp.dps = 50


def log1pexp(x):
    return mp.log1p(mp.exp(x))


def pinball(q):
    return lambda y, z: [q * mp.mpf(max(y - z, 0)), (1 - q) * mp.mpf(max(z - y, 0))]


def tweedie(p):
    if p == 1:
        return lambda y, z: [mp.exp(z), -y * z]
    if p == 2:
        return lambda y, z: [z, y * mp.exp(-z)]
    return lambda y, z: [mp.exp(z) ** (2 - p) / (2 - p), -y * mp.exp(z) ** (1 - p) / (1 - p)]


def huber(d):
    return lambda y, z: [(z - y) ** 2 / 2] if abs(z - y) <= d else [d * abs(z - y), -d * d / 2]


def linex(a):
    return lambda y, z: [mp.exp(a * (z - y)) / a**2, -(z - y) / a, -1 / a**2]


# name -> function of the parameters -> function (y, raw) -> the terms whose sum is the loss
TRUTH = {
    "SquaredError": lambda: lambda y, z: [(z - y) ** 2 / 2],
    "AbsoluteError": lambda: lambda y, z: [abs(z - y)],
    "Huber": lambda delta: huber(delta),
    "Quantile": lambda quantile: pinball(quantile),
    "Expectile": lambda expectile: lambda y, z: [abs(expectile - (z > y)) * (z - y) ** 2],
    "LogCosh": lambda: lambda y, z: [mp.log(mp.cosh(z - y))],
    "Cauchy": lambda scale: lambda y, z: [scale**2 / 2 * mp.log(1 + ((z - y) / scale) ** 2)],
    "EpsilonInsensitive": lambda epsilon: lambda y, z: [mp.mpf(max(abs(z - y) - epsilon, 0))],
    "SquaredEpsilonInsensitive": lambda epsilon: lambda y, z: [mp.mpf(max(abs(z - y) - epsilon, 0)) ** 2],
    "Linex": lambda a: linex(a),
    "AbsolutePercentageError": lambda eps: lambda y, z: [abs(z - y) / max(abs(y), eps or 0)],
    "Poisson": lambda: tweedie(1),
    "Gamma": lambda: tweedie(2),
    "InverseGaussian": lambda: tweedie(mp.mpf(3)),
    "Tweedie": lambda power: tweedie(power),
    "LogLoss": lambda label_smoothing: lambda y, z: [log1pexp(-y * z), label_smoothing / 2 * y * z],
    "Hinge": lambda: lambda y, z: [mp.mpf(max(1 - y * z, 0))],
    "Perceptron": lambda: lambda y, z: [mp.mpf(max(-y * z, 0))],
    "SquaredHinge": lambda: lambda y, z: [mp.mpf(max(1 - y * z, 0)) ** 2],
    "ModifiedHuber": lambda: lambda y, z: [mp.mpf(max(1 - y * z, 0)) ** 2 if y * z >= -1 else -4 * y * z],
    "Exponential": lambda: lambda y, z: [mp.exp(-y * z)],
    "Focal": lambda gamma: lambda y, z: [(1 / (1 + mp.exp(y * z))) ** gamma * log1pexp(-y * z)],
}
ROWWISE_TRUTH = {
    "MultinomialLogLoss": lambda label_smoothing: (
        lambda k, z: [
            mp.log1p(mp.fsum(mp.exp(t - z[k]) for j, t in enumerate(z) if j != k)),
            label_smoothing * (z[k] - mp.fsum(z) / len(z)),
        ]
    ),
    "MultinomialFocal": lambda gamma: (
        lambda k, z: [
            mp.fsum(mp.exp(t - z[k]) / mp.fsum(mp.exp(s - z[k]) for s in z) for j, t in enumerate(z) if j != k) ** gamma
            * mp.log1p(mp.fsum(mp.exp(t - z[k]) for j, t in enumerate(z) if j != k))
        ]
    ),
    "CrammerSinger": lambda: lambda k, z: [max(t + (j != k) for j, t in enumerate(z)), -z[k]],
}


def _truth(loss, table):
    params = {name: mp.mpf(value) if value is not None else None for name, value in loss.get_params().items()}
    return table[type(loss).__name__](**params)


def _targets(loss):
    if loss.task == "classification":
        return [-1.0, 1.0]
    if type(loss).__name__ == "AbsolutePercentageError":
        return [0.3, -2.5, 40.0]
    try:
        loss.check_target(np.array([-2.5, 0.0]))
    except ValueError:
        return [0.3, 2.5, 40.0]
    return [0.0, 0.3, -2.5, 40.0]


def _raws(loss, y):
    rng = np.random.RandomState(0)
    offsets = [
        0.37,
        -0.61,
        1.3,
        -2.9,
        7.1,
        -17.3,
        3e-4,
        -3e-4,
        2e-9,
        -2e-9,
        61.0,
        -61.0,
        300.0,
        -300.0,
        1e5,
        -1e5,
        *rng.randn(12),
    ]
    offsets += [1e12, -1e12, 1e160, -1e160]
    centres = [0.0] if loss.task == "classification" or loss.inverse_link(np.ones(1))[0] != 1.0 else [0.0, y]
    return sorted({c + o for c in centres for o in offsets})


def _derivatives(terms, y, z):
    """Return the terms of the value, of the first and of the second derivative."""
    n = len(terms(y, z))
    step = mp.mpf(10) ** -14 * max(1, abs(z)) if abs(z) > 1e-3 else mp.mpf(10) ** -18
    below, here, above = (terms(y, z + i * step) for i in (-1, 0, 1))
    if not len(below) == len(here) == len(above):
        return None  # across a join
    first = [(above[i] - below[i]) / (2 * step) for i in range(n)]
    second = [(above[i] - 2 * here[i] + below[i]) / step**2 for i in range(n)]
    return here, first, second


def _assert_close(got, terms, what, where, curvature_noise=0.0):
    true, size = mp.fsum(terms), mp.fsum(abs(t) for t in terms)
    if abs(true) > mp.mpf("1.7e308"):
        assert np.isinf(got), f"{what} at {where}: {got}, expected inf"
        return
    if size > mp.mpf("1.7e308"):
        return  # not even its terms can be held
    error = abs(mp.mpf(float(got)) - true)
    assert error <= mp.mpf("1e-12") * size + mp.mpf("1e-300") + curvature_noise, (
        f"{what} at {where}: {got}, expected {float(true)}"
    )


ELEMENTWISE = [loss for loss in ALL_LOSSES if not loss.rowwise]


@pytest.mark.parametrize("loss", ELEMENTWISE, ids=repr)
def test_digits(loss):
    mp.mp.dps = 60
    terms = _truth(loss, TRUTH)
    compared = 0
    for y in _targets(loss):
        for z in _raws(loss, y):
            parts = _derivatives(terms, mp.mpf(y), mp.mpf(z))
            if parts is None:
                continue
            column_y, column_z = np.array([[y]]), np.array([[z]])
            value, slope = loss.value_and_gradient(column_y, column_z)
            where = f"y={y}, raw={z!r}"
            _assert_close(value[0, 0], parts[0], "value", where)
            _assert_close(loss.value(column_y, column_z)[0, 0], parts[0], "value", where)
            _assert_close(slope[0, 0], parts[1], "gradient", where, mp.mpf("1e-24"))
            curvature = loss.curvature_product(column_y, column_z, np.ones((1, 1)))
            # where it changes sign, its terms are of the size of the curvature at 0
            crossing = mp.mpf("1e-12") if not loss.convex and abs(z - y) < 100 else 0
            _assert_close(curvature[0, 0], parts[2], "curvature", where, mp.mpf("1e-20") + crossing)
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("loss", [loss for loss in ALL_LOSSES if loss.rowwise], ids=repr)
def test_digits_rowwise(loss):
    mp.mp.dps = 60
    terms = _truth(loss, ROWWISE_TRUTH)
    rng = np.random.RandomState(0)
    rows = [scale * rng.randn(4) for scale in (1e-9, 1e-3, 1.0, 1.0, 5.0, 30.0, 300.0, 1e6) for _ in range(3)]
    for row in rows:
        for k in (0, 2):
            y, raw, v = np.array([k]), row[None], rng.randn(1, 4)
            z, h = [mp.mpf(t) for t in row], mp.mpf(10) ** -16
            value, slope = loss.value_and_gradient(y, raw)
            _assert_close(value[0], terms(k, z), "value", (k, row))

            def shifted(j, size, z=z, k=k):
                return terms(k, [t + size * (i == j) for i, t in enumerate(z)])

            for j in range(4):
                first = [(a - b) / (2 * h) for a, b in zip(shifted(j, h), shifted(j, -h), strict=True)]
                _assert_close(slope[0, j], first, "gradient", (k, row), mp.mpf("1e-24"))
            if loss.smooth:
                product = loss.curvature_product(y, raw, v)

                def along(j, a, b, z=z, k=k, v=v):
                    return terms(k, [t + a * (i == j) + b * mp.mpf(v[0, i]) for i, t in enumerate(z)])

                for j in range(4):
                    four = (along(j, h, h), along(j, -h, -h), along(j, h, -h), along(j, -h, h))
                    mixed = [(a + b - c - d) / (4 * h * h) for a, b, c, d in zip(*four, strict=True)]
                    # the terms of the product are of the size of |v|
                    _assert_close(product[0, j], mixed, "curvature", (k, row), mp.mpf("1e-14"))


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=LOSS_IDS)
def test_contract(loss):
    report = check_loss(loss, on_fail="raise")
    status = {entry["check_name"]: entry["status"] for entry in report}
    assert set(status.values()) <= {"passed", "skipped"}
    assert status["gradient"] == status["curvature"] == status["rows"] == "passed"
    assert status["prox"] == "passed" or not loss.convex or not loss.has_prox
    messages = {entry["check_name"]: entry["message"] for entry in report}
    assert "is not the inverse" not in messages["link"]
    if loss.get_params().get("gamma") != 0.0:  # focal without focus is the log loss
        assert loss.convex == messages["convexity"].endswith("looks convex")


@pytest.mark.parametrize("loss", [loss for loss in ALL_LOSSES if not (loss.smooth or loss.online)], ids=repr)
def test_moreau_is_a_loss(loss):
    check_loss(Moreau(loss, 0.6), on_fail="raise")


@pytest.mark.parametrize("loss", ELEMENTWISE, ids=repr)
def test_numeric_defaults_agree_with_the_closed_forms(loss):
    """A subclass with `value` alone has the same derivatives and the same prox."""
    rng = np.random.RandomState(1)
    y = np.array(_targets(loss))[rng.randint(len(_targets(loss)), size=200)][:, None]
    raw = 2.0 * rng.randn(200, 1)
    assert np.ptp(y) > 0
    assert np.ptp(raw) > 0
    derived = CustomLoss(loss.value, task=loss.task).observe(y, np.full_like(raw, raw.mean()))
    assert derived.smooth == loss.smooth
    assert derived.convex or not loss.convex
    size = 1.0 + np.abs(loss.value(y, raw))
    near = np.abs(derived.gradient(y, raw) - loss.gradient(y, raw)) <= 1e-8 * size
    assert near.mean() > 0.99  # but next to a jump of the curvature
    if loss.smooth:
        v = rng.randn(200, 1)
        gap = np.abs(loss.curvature_product(y, raw, v) - derived.curvature_product(y, raw, v))
        assert (gap <= 1e-5 * size * np.abs(v) * (1 + np.abs(raw) ** 2)).mean() > 0.98  # but next to a jump of the curvature
    if loss.convex:
        for step in (0.05, 3.0):
            near = np.isclose(derived.prox(y, raw, step), loss.prox(y, raw, step), rtol=1e-6, atol=2e-7)
            assert near.mean() > 0.98 if type(loss).__name__ == "SquaredEpsilonInsensitive" else near.all()


class OnlyValue(Loss):
    def value(self, y, raw):
        return np.sqrt(1.0 + (raw - y) ** 2)


def absolute(y, raw):
    return np.abs(y - raw)


def test_subclass_with_value_alone():
    check_loss(OnlyValue(), on_fail="raise")


@pytest.mark.parametrize(
    ("function", "kinked"),
    [
        (absolute, True),
        (lambda y, z: np.maximum(0.0, 1 - y * z), True),
        (lambda y, z: np.where(z > y, 3.0, 1.0) * np.abs(z - y), True),
        (lambda y, z: (y - z) ** 2, False),
        (lambda y, z: np.logaddexp(z - y, y - z), False),
        (lambda y, z: np.where(z > y, 3.0, 1.0) * (z - y) ** 2, False),
        (lambda y, z: np.exp(z) - y * z, False),
    ],
)
def test_kinks_are_found(function, kinked):
    y = np.random.RandomState(0).randn(50, 1)
    assert CustomLoss(function).observe(y, np.zeros_like(y)).smooth is not kinked


@pytest.mark.parametrize(
    ("loss", "check", "message"),
    [
        (CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: 2 * (y - z)), "gradient", "the sign is reversed"),
        (CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: z - y), "gradient", "a factor of 2 is missing"),
        (CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: 4 * (z - y)), "gradient", "a factor of 2 is too much"),
        (CustomLoss(lambda y, z: z**3 - y * z, gradient=lambda z, y: 3 * z**2 - y, convex=False), "gradient", "other order"),
        (
            CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: 2 * (z - y), curvature=lambda y, z: 0 * z + 1),
            "curvature",
            "a factor of 2 is missing",
        ),
        (CustomLoss(absolute, prox=lambda y, v, s: y), "prox", "is not the minimum"),
        (lambda y, z: np.mean((y - z) ** 2), "shapes", "Return the loss of each sample, not their mean"),
        (lambda y, z: (y - z).sum(axis=1), "shapes", "expected shape"),
        (lambda y, z: (y - z) * 1j, "shapes", "expected real numbers"),
        (lambda y, z: np.sqrt(z), "finite", "expected a finite number"),
        (lambda y, z: np.abs(y - z) / np.abs(y - z).max(), "rows", "depends on the other rows"),
        (CustomLoss(absolute, smooth=True), "smoothness", "declare smooth=False"),
        (CustomLoss(lambda y, z: np.sin(z), convex=True), "convexity", "declares convex=True"),
    ],
)
def test_check_loss_finds_the_mistake(loss, check, message):
    report = {entry["check_name"]: entry for entry in check_loss(loss)}
    assert report[check]["status"] == "failed"
    assert message in report[check]["message"]
    with pytest.raises(AssertionError):
        check_loss(loss, on_fail="raise")
    with pytest.warns(UserWarning) as caught:
        check_loss(loss, on_fail="warn")
    assert any(str(warning.message).startswith(check) for warning in caught)


@pytest.mark.parametrize("loss", [loss for loss in ALL_LOSSES if loss.rowwise], ids=repr)
def test_curvature_matrix_is_made_of_products(loss):
    rng = np.random.RandomState(0)
    y, raw = rng.randint(0, 4, size=30), 3.0 * rng.randn(30, 4)
    np.testing.assert_allclose(loss.curvature_matrix(y, raw), Loss.curvature_matrix(loss, y, raw), atol=1e-12)


def test_lines_that_do_not_add_up():
    class Shifted(LOSSES["absolute_error"]):
        def lines(self, y):
            kinks, left, right = super().lines(y)
            return kinks + 0.1, left, right

    report = {entry["check_name"]: entry for entry in check_loss(Shifted())}
    assert report["lines"]["status"] == "failed"
    assert "the lines rise by" in report["lines"]["message"]


def test_custom_loss_keeps_what_it_was_given():
    loss = CustomLoss(absolute, gradient=lambda y, z: np.sign(z - y), smooth=False)
    assert loss.get_params()["function"] is absolute
    assert "absolute" in repr(CustomLoss(absolute))
    assert loss.set_params(convex=False).convex is False
    with pytest.raises(ValueError, match="no parameter 'slope'"):
        loss.set_params(slope=1)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("mse", "squared_error"),
        ("mae", "absolute_error"),
        ("log", "log_loss"),
        ("logistic", "log_loss"),
        ("cross_entropy", "log_loss"),
        ("hubber", "huber"),
        ("squared_hing", "squared_hinge"),
    ],
)
def test_unknown_names(name, suggestion):
    with pytest.raises(ValueError, match=f"Did you mean '{suggestion}'") as caught:
        get_loss(name)
    assert all(repr(known) in str(caught.value) for known in LOSSES)


@pytest.mark.parametrize(
    ("loss", "bad"),
    [("poisson", [-1.0]), ("gamma", [0.0]), ("inverse_gaussian", [0.0]), ("tweedie", [-1.0])],
)
def test_domain(loss, bad):
    with pytest.raises(ValueError, match="needs y"):
        get_loss(loss).check_target(np.array([bad]))


def test_focal_posterior_is_proper():
    """The expected loss under a class probability is least where predict_proba gives that probability back."""
    loss = LOSSES["focal"]()
    for truth in (0.1, 0.35, 0.8):
        raw = np.linspace(-8, 8, 160_001)[:, None]
        expected = truth * loss.value(np.ones_like(raw), raw) + (1 - truth) * loss.value(-np.ones_like(raw), raw)
        best = raw[expected.argmin()]
        np.testing.assert_allclose(loss.inverse_link(best), truth, atol=1e-3)
