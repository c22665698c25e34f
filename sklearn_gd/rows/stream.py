"""Streams: rows that are read in batches, repeatedly, from files or any other source larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .arrow import Roles, batches_of_files
from .batch import Batch, renamed

__all__ = ["Stream", "named"]

# How many numbers of the rows of a stream are shuffled at a time.
BUFFER = 1 << 22


class Stream:
    """Rows that are read in batches, for data that do not fit in memory.

    `fit`, `predict` and `score` accept a stream in place of X and y: ``GDClassifier().fit(stream)``.

    Parameters
    ----------
    open_batches : callable
        Called without arguments; returns a new iterator over the batches at each call. A batch is a tuple (X, y) or
        (X, y, sample_weight), X alone for prediction, or a `Batch`, which may also have an offset and data for the loss. X is
        dense, sparse or a data frame. The batches must be the same at each call, and none may be empty.
    cache : bool, default=True
        Whether a fit stores a compact copy of the rows in the folder for temporary files and reads this copy after the first
        pass. The copy is removed when the fit ends. If False, `open_batches` is called for every pass.

    See Also
    --------
    Stream.from_parquet, Stream.from_csv : Streams from files.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.rows import Stream
    >>> def open_batches():
    ...     for seed in range(10):
    ...         X = np.random.default_rng(seed).normal(size=(1000, 3))
    ...         yield X, X @ [1.0, 2.0, 3.0] + 4.0
    >>> model = GDRegressor(alpha=0.0).fit(Stream(open_batches))
    >>> print(model.coef_.round(6), model.intercept_.round(6))
    [1. 2. 3.] 4.0
    """

    def __init__(self, open_batches: Callable[[], Iterable[Any]], *, cache: bool = True) -> None:
        if not callable(open_batches):
            raise TypeError(
                f"open_batches is {type(open_batches).__name__}: expected a function without arguments that returns a new "
                "iterator over batches at each call."
            )
        self.open_batches, self.cache = open_batches, cache

    @classmethod
    def from_parquet(
        cls,
        paths: Any,
        *,
        target: str | list[str] | None = None,
        weight: str | None = None,
        offset: str | None = None,
        loss_data: str | list[str] | None = None,
        columns: list[str] | None = None,
        batch_rows: int = 65_536,
        cache: bool = True,
    ) -> Stream:
        """Return a stream from Parquet files.

        It needs pyarrow and pandas: ``pip install "sklearn-gd[arrow]"``. Only the columns used are read. A thread reads one
        batch ahead. A batch never spans two files.

        Parameters
        ----------
        paths : str, path, or list of these
            Files or folders.
        target : str or list of str, default=None
            The column or columns of y. If None, the batches contain X alone.
        weight : str, default=None
            The column of sample weights.
        offset : str, default=None
            The column of the offset.
        loss_data : str or list of str, default=None
            The column or columns of the additional data of the loss; it sees a list of columns by name.
        columns : list of str, default=None
            The columns of X. If None, all other columns.
        batch_rows : int, default=65,536
            Maximum number of rows in a batch.
        cache : bool, default=True
            As for `Stream`.

        Returns
        -------
        Stream
            In each batch, X is a pandas DataFrame.

        Raises
        ------
        ValueError
            If there is no file, or no such column.
        """
        roles = Roles(target, weight, offset, loss_data, columns)
        return cls(ahead(batches_of_files("parquet", paths, roles, batch_rows)), cache=cache)

    @classmethod
    def from_csv(
        cls,
        paths: Any,
        *,
        target: str | list[str] | None = None,
        weight: str | None = None,
        offset: str | None = None,
        loss_data: str | list[str] | None = None,
        columns: list[str] | None = None,
        batch_rows: int = 65_536,
        cache: bool = True,
    ) -> Stream:
        """Return a stream from CSV files with a header; otherwise like `from_parquet`.

        The types are inferred from the first rows of the first file; integers in X are read as float64.

        Parameters
        ----------
        paths, target, weight, offset, loss_data, columns, batch_rows, cache
            As for `from_parquet`.

        Returns
        -------
        Stream
        """
        roles = Roles(target, weight, offset, loss_data, columns)
        return cls(ahead(batches_of_files("csv", paths, roles, batch_rows)), cache=cache)

    def map(self, transform: Any) -> Stream:
        """Return the stream with X transformed in each batch.

        Parameters
        ----------
        transform : callable, or fitted transformer
            Maps X to a new X with the same rows, such as ``ColumnTransformer(...).fit(sample)``.

        Returns
        -------
        Stream
        """
        function = getattr(transform, "transform", transform)
        if not callable(function):
            raise TypeError(f"transform={transform!r}: expected a function of X, or a fitted transformer.")

        def opened() -> Iterator[Batch]:
            for batch in named(self):
                try:
                    X = function(batch.X)
                except Exception as error:
                    raise renamed(error, batch.title) from error
                yield batch._replace(X=X)

        return Stream(opened, cache=self.cache)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over the batches, for `partial_fit`.

        A batch is (X, y), or (X, y, sample_weight) if there are weights, or a `Batch` if there is more.
        """
        for batch in named(self):
            if batch.offset is not None or batch.loss_data is not None:
                yield batch
            else:
                yield batch[:2] if batch.sample_weight is None else batch[:3]


def named(stream: Stream) -> Iterator[Batch]:
    """Iterate over the batches of a stream with their names."""
    given: Any = stream.open_batches()
    if not hasattr(given, "__iter__"):
        raise TypeError(f"open_batches() returned {type(given).__name__}: expected an iterator over batches, new at each call.")
    batches, number = iter(given), 0
    while True:
        number += 1
        try:
            given = next(batches, None)
        except Exception as error:
            raise renamed(error, f"batch {number}") from error
        if given is None:
            return
        batch = _batch(given, number)
        yield batch if batch.name else batch._replace(name=f"batch {number}")


def ahead(open_batches: Callable[[], Iterator[Any]]) -> Callable[[], Iterator[Any]]:
    """Return the function whose iterators read one batch ahead in a separate thread."""

    def opened() -> Iterator[Any]:
        with ThreadPoolExecutor(1) as thread:
            batches = open_batches()
            coming = thread.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, batches, None)
                yield batch

    return opened


def _batch(given: Any, number: int) -> Batch:
    if isinstance(given, Batch):
        return given
    if isinstance(given, (list, dict)) or (isinstance(given, tuple) and not 1 <= len(given) <= 3):
        raise TypeError(
            f"batch {number} is a {type(given).__name__} of {len(given)}: expected a tuple (X, y) or (X, y, sample_weight), or "
            "X alone."
        )
    return Batch(*given) if isinstance(given, tuple) else Batch(given)
