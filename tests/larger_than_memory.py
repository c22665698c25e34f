"""A fit on files three times as large as the memory that the process may take: `python larger_than_memory.py CASE FOLDER`."""

import re
import resource
import sys
from pathlib import Path

import numpy as np

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.rows import stored

N, P = 3_200_000, 20
LIMIT = N * P * 8 // 3
CASES = {
    "squared_error": (GDRegressor(), "y"),
    "quantile": (GDRegressor("quantile"), "y"),
    "log_loss": (GDClassifier(), "signs"),
    "softmax": (GDClassifier(), "classes"),
    "sgd": (GDClassifier(solver="sgd", max_iter=2), "classes"),
}
FILES = {"X": (np.float64, (N, P)), "y": (np.float64, (N,)), "signs": (np.int8, (N,)), "classes": (np.int64, (N,))}


def mapped(folder, name, mode):
    dtype, shape = FILES[name]
    return np.memmap(Path(folder, name), dtype, mode, shape=shape)


def write(folder):
    """Write the data, a part at a time."""
    files, rng = {name: mapped(folder, name, "w+") for name in FILES}, np.random.default_rng(0)
    weights = rng.normal(size=P)
    for start in range(0, N, N // 16):
        part = slice(start, start + N // 16)
        X = rng.normal(size=(N // 16, P))
        y = X @ weights + 3.0 * rng.normal(size=len(X))
        files["X"][part], files["y"][part], files["signs"][part], files["classes"][part] = X, y, y > 0, np.digitize(y, [-3, 3])


def memory():
    """The bytes that count against RLIMIT_DATA."""
    return 1024 * int(re.search(r"VmData:\s*(\d+) kB", Path("/proc/self/status").read_text())[1])


if __name__ == "__main__":
    case, folder = sys.argv[1:]
    model, target = CASES.get(case, (None, None))
    resource.setrlimit(resource.RLIMIT_DATA, (memory() + LIMIT, memory() + LIMIT))
    if case == "in memory":
        np.array(mapped(folder, "X", "r"))
    print(stored.__name__, "fitted", model.fit(mapped(folder, "X", "r"), mapped(folder, target, "r")).n_iter_)
