"""Reading batches from files with pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from .batch import Batch, renamed

__all__ = ["Roles", "batches_of_files"]


class Roles(NamedTuple):
    """The names of the columns of files: of y, of what comes with it, and of X; None for all others."""

    target: Any = None
    weight: Any = None
    offset: Any = None
    loss_data: Any = None
    columns: Any = None


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError('Streams of files need pyarrow and pandas: pip install "sklearn-gd[arrow]".') from error


def batches_of_files(kind: str, paths: Any, roles: Roles, batch_rows: int) -> Callable[[], Iterator[Batch]]:
    """Return the function that opens the batches of files.

    Parameters
    ----------
    kind : str
        "parquet" or "csv".
    paths, batch_rows
        As for `Stream.from_parquet`.
    roles : Roles
    """
    datasets, arrow = _imported("pyarrow.dataset"), _imported("pyarrow")
    _imported("pandas")
    if not (isinstance(batch_rows, Integral) and 1 <= batch_rows < 2**31):
        raise ValueError(f"batch_rows={batch_rows!r}: expected an integer from 1 to 2**31 - 1.")
    files = _files(paths, kind)
    schema = datasets.dataset(files[:1], format=kind).schema
    features, given = _columns(schema.names, files[0], roles)
    read = list(dict.fromkeys([*features, *given]))
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
                others = (None if name is None else frame[name] for name in roles[:4])
                yield Batch(frame[features], *others, name=file, first_row=start)
            start += batch.num_rows

    def opened() -> Iterator[Batch]:
        for file in files:
            try:
                yield from batches(file)
            except (OSError, ValueError, TypeError, arrow.ArrowException) as error:
                raise renamed(error, file) from error

    return opened


def _columns(names: list[str], file: str, roles: Roles) -> tuple[list[str], list[str]]:
    """Return the names of the columns of X, and of all others in use."""
    if isinstance(roles.columns, str) or (roles.columns is not None and not len(roles.columns)):
        raise ValueError(f"columns={roles.columns!r}: expected a list of at least one name, or None for all others.")
    wanted = {role: [given] if isinstance(given, str) else list(given or ()) for role, given in roles._asdict().items()}
    features = wanted.pop("columns")
    given = [name for some in wanted.values() for name in some]
    features = features or [name for name in names if name not in given]
    for role, some in (wanted | {"columns": features}).items():
        for name in some:
            if name not in names:
                raise ValueError(f"{role} names {name!r}, which is no column of {file}: expected one of {names}.")
    return features, given


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
