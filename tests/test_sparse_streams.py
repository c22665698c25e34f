"""partial_fit on sparse rows of which each holds a few of very many columns, beside scikit-learn's."""

import pickle
import time

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from sklearn_gd import GDClassifier
from sklearn_gd.penalties import GroupLasso


def _streamed(model, X, y, size, **fit):
    for start in range(0, len(y), size):
        model.partial_fit(X[start : start + size], y[start : start + size], **fit)
    return model


def _documents(n, n_columns):
    """Counts of twenty words a document, by Zipf's law, of which each class has some that it prefers; hashed."""
    rng = np.random.RandomState(0)
    base = 1.0 / np.arange(1.0, 3001.0)
    shares = base * np.exp(0.9 * rng.randn(3, 3000))
    shares /= shares.sum(axis=1, keepdims=True)
    y = rng.choice(3, size=n, p=[0.56, 0.26, 0.18])
    place = rng.randint(n_columns, size=3000)
    columns = np.concatenate([place[rng.choice(3000, size=20, p=shares[label])] for label in y])
    X = sparse.csr_matrix((np.full(20 * n, 0.2), columns, np.arange(0, 20 * n + 1, 20)), shape=(n, n_columns))
    X.sum_duplicates()
    return X, y


@pytest.mark.parametrize("size", [20, 100])
def test_one_pass_over_hashed_text(size):
    X, y = _documents(3000, 1 << 18)
    ours, theirs = GDClassifier(random_state=0), SGDClassifier(loss="log_loss", random_state=0)
    for start in range(0, 2000, size):
        for model in (ours, theirs):
            model.partial_fit(X[start : start + size], y[start : start + size], classes=[0, 1, 2])
    assert ours.score(X[2000:], y[2000:]) > theirs.score(X[2000:], y[2000:]) - 0.01


def test_columns_that_no_row_holds_cost_nothing():
    """Neither in what is learned nor in time: one row at a time of a million hashed columns, beside scikit-learn's."""
    X, y = _documents(300, 1 << 8)
    wide = sparse.hstack([sparse.csr_matrix((300, 777)), X, sparse.csr_matrix((300, 777))], format="csr")
    used = np.flatnonzero(X.getnnz(axis=0))
    few, many = (_streamed(GDClassifier(random_state=0), A, y, size=30, classes=range(3)) for A in (X[:, used], wide))
    np.testing.assert_allclose(many.coef_[:, 777 + used], few.coef_, rtol=1e-6)
    assert np.count_nonzero(many.coef_) == np.count_nonzero(few.coef_)

    X, y = _documents(60, 1 << 20)
    times = {}
    for model in (SGDClassifier(), GDClassifier()):
        seconds = []
        for row in range(60):
            began = time.perf_counter()
            model.partial_fit(X[row], y[row : row + 1], classes=[0, 1, 2])
            seconds.append(time.perf_counter() - began)
        times[type(model)] = np.median(seconds)
    assert times[GDClassifier] < 10 * times[SGDClassifier]


def test_rows_may_be_sparse_and_dense_in_turn():
    """And the penalty may change to one that couples columns, for which all are in use."""
    X, y = _documents(900, 64)
    batches = [
        (A[start : start + 30], y[start : start + 30]) for start in range(0, 900, 30) for A in (X, X.tocsc(), X.toarray())
    ]
    mixed = GDClassifier(random_state=0)
    for rows, labels in batches:
        mixed.partial_fit(rows, labels, classes=[0, 1, 2])
    mixed = pickle.loads(pickle.dumps(mixed))
    score = mixed.score(X, y)
    assert score > 0.7
    mixed.set_params(penalty=GroupLasso([[0, 1], [2, 3]]))
    assert _streamed(mixed, X, y, size=64).score(X, y) > score - 0.05
