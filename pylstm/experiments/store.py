"""Finished trials on disk: one JSON file each, in the folder `trials` of the output folder.

    trials/6a.written.821cea7c.003.json     row, reading, fingerprint of its settings, trial

A file appears whole or not at all, as soon as its trial has ended, and says which version and seed
it is of. A changed reading has another fingerprint, so its trials are not taken for the old ones.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pylstm
from pylstm.errors import InputError, brief
from pylstm.experiments.row import Reading, Row
from pylstm.experiments.trial import Result
from pylstm.files import written_whole

__all__ = ["Store"]

_FORMAT = 1


class Store:
    """The output folder, made if need be.

    Parameters
    ----------
    folder : str
    seed : int
        A folder holds the trials of one seed.

    Raises
    ------
    InputError
        When the folder cannot be written, or holds results of another version or seed, or files
        that cannot be read. Nothing is overwritten.

    Examples
    --------
    >>> import tempfile
    >>> from pylstm.experiments import ROWS
    >>> from pylstm.experiments.store import Store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Store(folder, seed=0).results(ROWS["6a"], ROWS["6a"].readings[0])
    {}
    """

    def __init__(self, folder: str | os.PathLike[str], seed: int) -> None:
        self.folder, self.seed = Path(folder), seed
        self._trials = self.folder / "trials"
        try:
            self._trials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write into {folder}: {error.strerror}") from None
        if not all(os.access(path, os.W_OK) for path in (self.folder, self._trials)):
            raise InputError(f"cannot write into {folder}: the folder is not writable")
        for path in (self.folder / "results.json", *self._trials.glob("*.json")):
            if path.exists():
                self._read_trial(path)

    def _file_name(self, row: Row, reading: Reading, trial: str) -> str:
        return f"{row.name}.{reading.label}.{row.fingerprint(reading)}.{trial}.json"

    def header(self) -> dict[str, Any]:
        """Give what every file begins with."""
        return {"format": _FORMAT, "pylstm": pylstm.__version__, "seed": self.seed}

    def _read_trial(self, path: Path) -> dict[str, Any]:
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read {path}: wanted a result of pylstm reproduce ({error})"
            ) from None
        for name, wanted in self.header().items():
            found = tree.get(name) if isinstance(tree, dict) else None
            if found != wanted:
                raise InputError(
                    f"{path} has {name} {brief(found)}, wanted {brief(wanted)}: give another "
                    "folder with "
                    "--out, or remove it"
                )
        return dict(tree)

    def save(self, row: Row, reading: Reading, result: Result) -> None:
        """Write the result of a trial."""
        tree = {**self.header(), "row": row.name, "reading": reading.label, **asdict(result)}
        name = self._file_name(row, reading, f"{result.trial:03}")
        self.write(self._trials / name, json.dumps(tree) + "\n")

    def write(self, path: Path, text: str) -> None:
        """Write a file of the folder, whole or not at all."""
        with written_whole(str(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def results(self, row: Row, reading: Reading) -> dict[int, Result]:
        """Read the finished trials of a reading, by number."""
        names = [field.name for field in fields(Result)]
        trees = map(self._read_trial, self._trials.glob(self._file_name(row, reading, "*")))
        results = {tree["trial"]: Result(**{name: tree[name] for name in names}) for tree in trees}
        return dict(sorted(results.items()))
