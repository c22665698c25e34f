"""Reading batches from files with pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

from .batch import Batch, renamed

__all__ = ["batches_of_files"]


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError('Streams of files need pyarrow and pandas: pip install "sklearn-gd[arrow]".') from error


def batches_of_files(
    kind: str, paths: Any, target: Any, weight: str | None, columns: list[str] | None, batch_rows: int
) -> Callable[[], Iterator[Batch]]:
    """Return the function that opens the batches of files.

    Parameters
    ----------
    kind : str
        "parquet" or "csv".
    paths, target, weight, columns, batch_rows
        As for `Stream.from_parquet`.
    """
    datasets, arrow = _imported("pyarrow.dataset"), _imported("pyarrow")
    _imported("pandas")
    if not (isinstance(batch_rows, Integral) and 1 <= batch_rows < 2**31):
        raise ValueError(f"batch_rows={batch_rows!r}: expected an integer from 1 to 2**31 - 1.")
    files = _files(paths, kind)
    schema = datasets.dataset(files[:1], format=kind).schema
    features, others = _columns(schema.names, files[0], target, weight, columns)
    read = list(dict.fromkeys([*features, *others]))
    types = _with_fractions(arrow, schema, features) if kind == "csv" else None

    def batches(file: str) -> Iterator[Batch]:
        if not Path(file).exists():
            raise FileNotFoundError("it does not exist any more: expected the same files for every pass.")
        dataset, start = datasets.dataset(file, format=kind, schema=types), 0
        there = next(iter(dataset.get_fragments())).physical_schema.names
        missing = [name for name in read if name not in there]
        if missing:
            raise ValueError(f"there is no column {missing[0]!r}: expected those of {files[0]}.")
        for batch in dataset.to_batches(columns=read, batch_size=batch_rows):
            if batch.num_rows:
                frame = batch.to_pandas()
                y = None if target is None else frame[target]
                yield Batch(frame[features], y, None if weight is None else frame[weight], file, start)
            start += batch.num_rows

    def opened() -> Iterator[Batch]:
        for file in files:
            try:
                yield from batches(file)
            except (OSError, ValueError, TypeError, arrow.ArrowException) as error:
                raise renamed(error, file) from error

    return opened


def _columns(names: list[str], file: str, target: Any, weight: str | None, columns: Any) -> tuple[list[str], list[str]]:
    """Return the names of the columns of X, and of those of y and the weights."""
    targets = [target] if isinstance(target, str) else list(target or ())
    others = [*targets, *([] if weight is None else [weight])]
    if isinstance(columns, str) or (columns is not None and not len(columns)):
        raise ValueError(f"columns={columns!r}: expected a list of at least one name, or None for all others.")
    features = [name for name in names if name not in others] if columns is None else list(columns)
    for argument, wanted in (("target", targets), ("weight", others[len(targets) :]), ("columns", features)):
        for name in wanted:
            if name not in names:
                raise ValueError(f"{argument} names {name!r}, which is no column of {file}: expected one of {names}.")
    return features, others


def _with_fractions(arrow: Any, schema: Any, features: list[str]) -> Any:
    """Return a schema with integers replaced by float64: later rows may have fractions."""
    for place, field in enumerate(schema):
        if field.name in features and arrow.types.is_integer(field.type):
            schema = schema.set(place, field.with_type(arrow.float64()))
    return schema


def _files(paths: Any, kind: str) -> list[str]:
    """Return the files of paths; those of a folder are sorted by name."""
    found = list[str]()
    for path in map(Path, [paths] if isinstance(paths, (str, PathLike)) else paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: expected a file or a folder.")
        inside = sorted(file for file in path.rglob(f"*.{kind}") if file.is_file()) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"{path} holds no file *.{kind}: expected a folder of them, or their paths.")
        found += map(str, inside)
    if not found:
        raise ValueError("paths is empty: expected at least one file or folder.")
    return found
