"""Files of every version: small ones of every class, and the numbers each must go on to.

``python -m bench versions`` writes those of this version into tests/files/VERSION/, beside each
NAME.safetensors a NAME.json with the outputs of `going_on`. What is there already is left as it is:
a file says what the version that wrote it has written. Every later version must load all of them,
to the last bit, and go on to the same numbers, but for rounding, which differs from one instruction
set to the next. tests/test_every_version.py looks whether it does.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence, Set
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import pylstm
from bench.fuzz.files import put_together, signed, take_apart
from bench.fuzz.seeds import honest_objects
from pylstm import baselines, estimators
from pylstm.optimizers import Decay, Optimizer
from pylstm.tabular import Session

__all__ = ["FOLDER", "going_on", "main", "missing_classes", "tolerance"]

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "files"
#: Written before 0.1.0 was: without the keys that came later.
BEFORE = "before-0.1.0"
#: Honest objects left out, by how their names begin: large, and others have the same keys.
_LEFT_OUT = (
    "lstm bptt",
    "lstm lazy 1",
    "streams",
    "delayed False",
    "recurrent bptt",
    "RandomGuessing",
    "regressor without feedback",
    "session 1",
    "session of labels 0",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is not there yet; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench versions", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="%(default)s")
    folder = parser.parse_args(arguments).out
    written = sum(
        _write(folder / version("pylstm") / f"{name}.safetensors", thing)
        for name, thing in _objects()
    )
    net = pylstm.LSTM(3, 2, 2, optimizer=pylstm.SGD(0.1, momentum=0.5))
    net.run(np.eye(3), np.full((3, 2), 0.5))
    written += _write(folder / BEFORE / "lstm.safetensors", net, before=True)
    print(f"{written} files written into {folder}; what was there before is as it was")
    return 0


def _objects() -> Iterator[tuple[str, Any]]:
    """One of every class and kind, each under the name of its file."""
    seen: dict[str, int] = {}
    for name, thing in (*honest_objects(), *_more_objects()):
        if name.startswith(_LEFT_OUT) or name.endswith(("in a chunk", "fresh")):
            continue
        stem = name.lower().replace(",", "").replace(" ", "-")
        seen[stem] = seen.get(stem, 0) + 1
        yield stem if seen[stem] == 1 else f"{stem}-{seen[stem]}", thing


def _more_objects() -> Iterator[tuple[str, Any]]:
    """In the place of what is left out for its size."""
    X, targets = np.eye(3), np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
    net = pylstm.LSTM(3, 2, 2, gradient="bptt", optimizer=pylstm.ObGD())
    net.run(X, targets, update="sequence")
    net.step(X[0], targets[0])
    yield "lstm obgd", net
    streams = pylstm.Streams(pylstm.LSTM(2, 1, 2), 2)
    streams.run(X[:2, :2, None].repeat(2, axis=2), targets[:2, :, None], update=2)
    streams.step(X[:2, :2])
    streams.learn(targets[0, :, None], update=False)
    yield "two streams", streams
    guessing = baselines.RandomGuessing(1, 1, 1)
    guessing.run_sequences(X[:2, :1], None, [2])
    yield "guessing", guessing


def _write(path: Path, thing: Any, before: bool = False) -> bool:
    """Write an object, and what it goes on to, unless it is there already.

    `before`: as a network was written before there was a leak, and a decay of every optimizer.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pylstm.save(thing, unfinished)
    outputs = going_on(pylstm.load(unfinished))
    if before:
        document, arrays = take_apart(unfinished.read_bytes())
        state = document["objects"][-1]["state"]
        del state["config"]["leak"], state["optimizer"]["weight_decay"]
        unfinished.write_bytes(put_together(json.dumps(signed(document, arrays)), arrays))
    path.with_suffix(".json").write_text(json.dumps({"outputs": outputs}) + "\n")
    unfinished.rename(path)
    return True


def missing_classes(known: Set[str], paths: Sequence[Path]) -> set[str]:
    """Return which of the classes known are in none of the files."""
    written: set[str] = set()
    for path in paths:
        document, _ = take_apart(path.read_bytes())
        written.update(saved["class"] for saved in document["objects"])
    return {*known} - written


def tolerance(path: Path) -> float:
    """Return how far, relatively, outputs may be from those of another instruction set."""
    _, arrays = take_apart(path.read_bytes())
    reals = {array.dtype.name for array in arrays.values() if array.dtype.kind == "f"}
    return 1e-10 if reals == {"float64"} else 1e-5


# ---------------------------------------------------------------- going on


def going_on(thing: Any) -> list[float]:
    """Go on with an object through fixed rows, learning, and return all its outputs on the way."""
    match thing:
        case pylstm.LSTM():
            parts = _network(thing)
        case pylstm.Delayed():
            parts = _delayed(thing)
        case pylstm.Streams():
            parts = _streams(thing)
        case pylstm.Population():
            parts = _population(thing)
        case Session():
            parts = _session(thing)
        case pylstm.Bank():
            parts = _bank(thing)
        case estimators.Forecaster():
            parts = _forecaster(thing)
        case estimators.Detector():
            parts = _detector(thing)
        case estimators.Regressor() | estimators.Classifier():
            parts = _estimator(thing)
        case baselines.Learner():
            parts = _baseline(thing)
        case Decay():
            parts = iter([thing.factor])
        case Optimizer():
            parts = _optimizer(thing)
        case _:
            parts = _estimators_behind(thing)
    return [float(value) for part in parts for value in np.ravel(part)]


def _rows(*shape: int) -> np.ndarray:
    """Rows of numbers that no generator has to draw again in years."""
    return np.sin(np.arange(np.prod(shape), dtype=float)).reshape(shape)


def _targets(n_steps: int, n_outputs: int) -> np.ndarray:
    """In the domain of every loss."""
    return np.eye(n_outputs)[np.arange(n_steps) % n_outputs]


def _network(net: pylstm.LSTM) -> Iterator[Any]:
    X, targets = _rows(12, net.n_inputs), _targets(12, net.n_outputs)
    yield net.predict(X[0])
    for x, target in zip(X[:6], targets, strict=False):
        yield net.step(x, target)
    yield net.run(X[6:], targets[6:], update=4)
    if net._config()["gradient"] == "truncated" and not net._config()["scale_targets"]:
        net.update()
        net.step(X[1])
        net.learn_from(np.full(net.n_outputs, 0.1), trace=0.5)
        net.reinforce(0.1)
        yield net.step(X[0])


def _delayed(delayed: pylstm.Delayed) -> Iterator[Any]:
    targets = _targets(6, delayed.net.n_outputs)
    for x, target in zip(_rows(6, delayed.net.n_inputs), targets, strict=True):
        yield delayed.step(x)
        if delayed.n_steps > delayed.delay:
            delayed.learn(target)


def _streams(streams: pylstm.Streams) -> Iterator[Any]:
    n_streams, net = streams.n_streams, streams.net
    X = _rows(6, n_streams, net.n_inputs)
    targets = _targets(6 * n_streams, net.n_outputs).reshape(6, n_streams, -1)
    yield streams.step(X[0], targets[0])
    yield streams.run(X[1:], targets[1:], update=2)
    streams.reset([0])
    yield streams.step(X[0])


def _population(pop: pylstm.Population) -> Iterator[Any]:
    X, targets = _rows(6, pop.n_inputs), _targets(6, pop.n_outputs)
    yield pop.step(X[0], targets[0])
    yield pop.run(X[1:], targets[1:], update=2)
    yield pop[0].step(X[0])


def _estimator(model: Any) -> Iterator[Any]:
    for t in range(6):
        x = {"a": t % 3, "new": float(t)}
        if isinstance(model, estimators.Classifier):
            odds = model.predict_proba_one(x)
            yield [odds[label] for label in ("up", "down")]
            model.learn_one(x, ("up", "down")[t % 2])
        else:
            found = model.predict_one(x)
            several = isinstance(found, dict)
            yield list(found.values()) if several else found
            model.learn_one(x, {name: t + k for k, name in enumerate(found)} if several else t)


def _bank(bank: pylstm.Bank) -> Iterator[Any]:
    keys, X, y = ["north", "south", "new"] * 4, _rows(12, 2), _rows(12)
    if isinstance(bank.estimator, estimators.Classifier):
        y = np.where(y > 0, "up", "down")
    yield bank.run(keys, X, y)
    if not isinstance(bank.estimator, estimators.Classifier):
        yield bank.predict_many(keys, X)


def _forecaster(model: estimators.Forecaster) -> Iterator[Any]:
    for t in range(6):
        model.learn_one(t % 4, {"a": t})
        yield model.forecast(3, [{}] * 3)


def _detector(model: estimators.Detector) -> Iterator[Any]:
    for t in range(6):
        x = {name: float(t * t) for name in model.names}
        yield model.score_one({"hour": t}, x)
        model.learn_one({"hour": t}, x)


def _session(session: Session) -> Iterator[Any]:
    settings = session.settings
    others = {"texts": ["u"] * len(session.texts), "key": ("x",) * len(settings.keys)}
    for t in range(6):
        inputs = np.full(len(session.columns), float(t % 3))
        time = f"2014-01-0{t + 1}" if settings.time else None
        if settings.detect:
            yield session.update(inputs, np.full(len(settings.targets), t % 2), time, **others)
        elif settings.classify:
            odds = session.update(inputs, ("yes", "no")[t % 2], time, **others)
            yield [odds[label] for label in ("yes", "no")]
        else:
            yield session.update(inputs, t % 2, time, **others)
    if settings.detect:
        return
    total: Any = session.scores.total()
    errors = total.errors if settings.classify else total.mae
    yield [errors[name] for name in sorted(errors)]


def _baseline(net: Any) -> Iterator[Any]:
    X, targets = _rows(12, net.n_inputs), _targets(12, net.n_outputs)
    yield net.predict(X[0])
    match net:
        case baselines.RandomGuessing():
            net.run_sequences(X[:2], None, [2])
        case baselines.SimulatedAnnealing() | baselines.CascadeCorrelation():
            net.run_sequences(X, targets, [5, 7])
        case _:
            yield net.step(X[0], targets[0])
            yield net.run(X[1:], targets[1:], update=4)
    net.reset()
    yield net.run(X)


def _optimizer(optimizer: Optimizer) -> Iterator[Any]:
    """Everything it holds, and what it makes of a network."""
    for name, value in sorted(optimizer.saved().items()):
        if isinstance(value, float):
            yield value
        elif name == "schedule" and value is not None:
            yield value["factor"]
    net = pylstm.LSTM(3, 2, 2, optimizer=optimizer, seed=0)
    yield net.run(_rows(6, 3), _targets(6, 2))


def _estimators_behind(model: Any) -> Iterator[Any]:
    """Of scikit-learn."""
    if not hasattr(model, "estimator_"):
        yield model.get_params()["n_cells"]
    elif isinstance(model.estimator_, estimators.Forecaster):
        for _ in range(2):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of features whose mean is taken
                forecast = model.forecast(3)
            yield forecast
            model.partial_fit(None, _rows(5))
    else:
        X = _rows(5, model.n_features_in_)
        is_classifier = isinstance(model.estimator_, estimators.Classifier)
        predict = model.predict_proba if is_classifier else model.predict
        yield predict(X)
        model.partial_fit(X, model.classes_[[0, 1, 0, 0, 1]] if is_classifier else X[:, 0])
        yield predict(X)


if __name__ == "__main__":
    main()
