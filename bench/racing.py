"""Two threads on one object: every two of its verbs, in processes that may die of it.

A call is right or refused: what it may raise is RuntimeError, that the object is in use or has
nothing to learn from, ValueError about a shape that another call has changed, and
FloatingPointError. Afterwards the object still steps, copies, pickles and saves, and has made as
many steps as calls of it were let in. What the C beneath does is raced by .ci/race.
"""

from __future__ import annotations

import argparse
import copy
import faulthandler
import itertools
import json
import pickle
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor

__all__ = ["KINDS", "Outcome", "main", "race", "race_all"]

CALLS = 8  # of each thread in a race
REFUSALS = re.compile(
    r"in use|no step .*to learn from|not yet applied|no eligibility trace|has grown"
)

Verb = Callable[[Any], int | None]


@dataclass
class Kind:
    """How to build an object, and its verbs by name: each returns how many steps it has made."""

    build: Callable[[], Any]
    verbs: dict[str, Verb]
    n_steps: Callable[[Any], int] | None = None


def _schedule(n_updates: int) -> float:
    time.sleep(0)  # another thread's turn
    return 1.0 / (1 + n_updates % 3)


def _saved(obj: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.safetensors"
        obj.save(path)
        pylstm.load(path)


def _step(net: Any, target: bool) -> int:
    x = np.ones(net.n_inputs)
    net.step(x, np.zeros(net.n_outputs) if target else None)
    return 1


def _grow(net: Any, name: str) -> None:
    net.grow(**{name: min(getattr(net, name) + 1, 8)})


def _write(net: Any) -> None:
    for view in net.parameters.values():
        view *= 0.999


def _set_optimizer(net: Any) -> None:
    rate = random.choice([0.01, 0.02])
    net.optimizer = random.choice(
        [
            pylstm.SGD(rate),
            pylstm.SGD(rate, momentum=0.5),
            pylstm.Adam(rate / 10),
            pylstm.SGD(rate, schedule=_schedule),
        ]
    )


def _nothing(call: Callable[[Any], Any]) -> Verb:
    """A verb that makes no step."""

    def verb(obj: Any) -> None:
        call(obj)

    return verb


_EVERY_MODEL: dict[str, Verb] = {
    "copy": _nothing(lambda m: m.copy()),
    "deepcopy": _nothing(copy.deepcopy),
    "pickle": _nothing(lambda m: pickle.loads(pickle.dumps(m))),
    "save": _nothing(_saved),
    "repr": _nothing(repr),
    "reset": _nothing(lambda m: m.reset()),
}


def _run(net: Any, update: Any) -> int:
    n_steps = 6
    net.run(np.ones((n_steps, net.n_inputs)), np.zeros((n_steps, net.n_outputs)), update=update)
    return n_steps


def _run_sequences(net: Any) -> int:
    X, T = np.ones((6, net.n_inputs)), np.zeros((6, net.n_outputs))
    net.run_sequences(X, T, [2, 4])
    return 6


LSTM_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "step": lambda net: _step(net, False),
    "step and learn": lambda net: _step(net, True),
    "predict": _nothing(lambda net: net.predict(np.ones(net.n_inputs))),
    "learn": _nothing(lambda net: net.learn(np.zeros(net.n_outputs))),
    "learn later": _nothing(lambda net: net.learn(np.zeros(net.n_outputs), update=False)),
    "learn_from": _nothing(lambda net: net.learn_from(np.full(net.n_outputs, 0.1))),
    "trace": _nothing(lambda net: net.learn_from(np.ones(net.n_outputs), trace=0.9)),
    "reinforce": _nothing(lambda net: net.reinforce(0.01)),
    "update": _nothing(lambda net: net.update()),
    "run": lambda net: _run(net, "step"),
    "run to the end": lambda net: _run(net, "sequence"),
    "run_sequences": _run_sequences,
    "gradient": _nothing(
        lambda net: net.gradient(np.ones((4, net.n_inputs)), np.zeros((4, net.n_outputs)))
    ),
    "grow inputs": _nothing(lambda net: _grow(net, "n_inputs")),
    "grow outputs": _nothing(lambda net: _grow(net, "n_outputs")),
    "parameters": _nothing(_write),
    "state": _nothing(lambda net: net.state),
    "optimizer": _nothing(_set_optimizer),
}
_NO_TRACE = ("trace", "reinforce", "grow inputs", "grow outputs")  # of the truncated gradient alone
BPTT_VERBS = {name: verb for name, verb in LSTM_VERBS.items() if name not in _NO_TRACE}


def _stream_rows(streams: Any, width: int, value: float) -> np.ndarray:
    return np.full((streams.n_streams, width), value)


def _streams_step(streams: Any, target: bool) -> int:
    net = streams.net
    X = _stream_rows(streams, net.n_inputs, 1)
    streams.step(X, _stream_rows(streams, net.n_outputs, 0) if target else None)
    return 1


def _streams_run(streams: Any) -> int:
    net = streams.net
    streams.run(
        np.ones((5, streams.n_streams, net.n_inputs)),
        np.zeros((5, streams.n_streams, net.n_outputs)),
    )
    return 5


STREAMS_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "step": lambda s: _streams_step(s, False),
    "step and learn": lambda s: _streams_step(s, True),
    "predict": _nothing(lambda s: s.predict(_stream_rows(s, s.net.n_inputs, 1))),
    "learn": _nothing(lambda s: s.learn(_stream_rows(s, s.net.n_outputs, 0))),
    "learn later": _nothing(lambda s: s.learn(_stream_rows(s, s.net.n_outputs, 0), update=False)),
    "learn_from": _nothing(lambda s: s.learn_from(_stream_rows(s, s.net.n_outputs, 0.1))),
    "update": _nothing(lambda s: s.update()),
    "run": _streams_run,
    "reset one": _nothing(lambda s: s.reset(1)),
    "state": _nothing(lambda s: s.state),
    "step of the network": _nothing(lambda s: _step(s.net, True)),
    "run of the network": _nothing(lambda s: _run(s.net, "step")),
    "optimizer of the network": _nothing(lambda s: _set_optimizer(s.net)),
    "parameters": _nothing(lambda s: _write(s.net)),
}


def _population_step(pop: Any, nets: Any = None) -> int:
    pop.step(np.ones(2), np.zeros(1), nets=nets)
    return 0 if nets is not None else 1


def _population_run(pop: Any) -> int:
    pop.run(np.ones((40, 2)), np.zeros((40, 1)))
    return 40


def _population_sequences(pop: Any) -> int:
    pop.run_sequences(np.ones((6, 2)), np.zeros((6, 1)), [2, 4])
    return 6


def _put_in(pop: Any) -> None:
    pop[1] = pylstm.LSTM(2, 1, 3, optimizer=pylstm.SGD(0.01))


POPULATION_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "step": _population_step,
    "step of some": _nothing(lambda pop: _population_step(pop, [1, 3])),
    "predict": _nothing(lambda pop: pop.predict(np.ones(2))),
    "learn": _nothing(lambda pop: pop.learn(np.zeros(1))),
    "learn_from": _nothing(lambda pop: pop.learn_from(np.full(1, 0.1), update=False)),
    "update": _nothing(lambda pop: pop.update()),
    "run": _population_run,
    "run_sequences": _population_sequences,
    "take out": _nothing(lambda pop: pop[2]),
    "put in": _nothing(_put_in),
    "parameters": _nothing(lambda pop: pop.set_parameters(pop.parameters)),
    "state": _nothing(lambda pop: pop.state),
    "diverged": _nothing(lambda pop: pop.diverged),
    "optimizer": _nothing(
        lambda pop: setattr(pop, "optimizer", pylstm.SGD(0.01, momentum=random.choice([0, 0.5])))
    ),
}

DELAYED_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "step": lambda d: d.step(np.ones(d.net.n_inputs)) is None or 1,
    "predict": _nothing(lambda d: d.predict(np.ones(d.net.n_inputs))),
    "learn": _nothing(lambda d: d.learn(np.zeros(d.net.n_outputs))),
    "learn later": _nothing(lambda d: d.learn(np.zeros(d.net.n_outputs), update=False)),
    "update": _nothing(lambda d: d.net.update()),
    "grow": _nothing(lambda d: d.grow(n_inputs=min(d.net.n_inputs + 1, 8))),
    "state": _nothing(lambda d: d.state),
    "optimizer": _nothing(lambda d: _set_optimizer(d.net)),
    "parameters": _nothing(lambda d: _write(d.net)),
}


def _row() -> dict[str, float]:
    return {name: 0.5 for name in random.sample("abcdef", 3)}


REGRESSOR_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "learn": _nothing(lambda m: m.learn_one(_row(), 1.0)),
    "predict": _nothing(lambda m: m.predict_one(_row())),
}
CLASSIFIER_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "learn": _nothing(lambda m: m.learn_one(_row(), random.choice("xyz"))),
    "predict": _nothing(lambda m: m.predict_one(_row())),
    "probabilities": _nothing(lambda m: m.predict_proba_one(_row())),
}
FORECASTER_VERBS: dict[str, Verb] = {
    **_EVERY_MODEL,
    "learn": _nothing(lambda m: m.learn_one(random.random())),
    "forecast": _nothing(lambda m: m.forecast(3)),
}


def _lstm(n_blocks: int, **given: Any) -> pylstm.LSTM:
    return pylstm.LSTM(3, 2, n_blocks, optimizer=pylstm.SGD(0.01, schedule=_schedule), **given)


def _learned(model: Any, *rows: Any) -> Any:
    for row in rows:
        model.learn_one(*row)
    return model


KINDS = {
    "LSTM": Kind(lambda: _lstm(4), LSTM_VERBS, lambda net: net.n_steps),
    "scaled LSTM": Kind(
        lambda: _lstm(4, scale_inputs=True, scale_targets=True),
        {name: LSTM_VERBS[name] for name in LSTM_VERBS if name not in ("learn_from", "trace")},
        lambda net: net.n_steps,
    ),
    "large LSTM": Kind(lambda: _lstm(96), LSTM_VERBS, lambda net: net.n_steps),
    "bptt": Kind(lambda: _lstm(4, gradient="bptt"), BPTT_VERBS, lambda net: net.n_steps),
    "Streams": Kind(lambda: pylstm.Streams(_lstm(4), 3), STREAMS_VERBS),
    "large Streams": Kind(lambda: pylstm.Streams(_lstm(96), 5), STREAMS_VERBS),
    "Population": Kind(
        lambda: pylstm.Population(20, 2, 1, 3, optimizer=pylstm.SGD(0.01)),
        POPULATION_VERBS,
        lambda pop: int(pop.n_steps[0]),
    ),
    "Delayed": Kind(
        lambda: pylstm.Delayed(_lstm(4), 2), DELAYED_VERBS, lambda delayed: delayed.n_steps
    ),
    "Regressor": Kind(lambda: _learned(Regressor(4), (_row(), 1.0)), REGRESSOR_VERBS),
    "Classifier": Kind(lambda: _learned(Classifier(4), (_row(), "x")), CLASSIFIER_VERBS),
    "Forecaster": Kind(lambda: _learned(Forecaster(4), (1.0,), (2.0,)), FORECASTER_VERBS),
}


@dataclass
class Outcome:
    """What came of races: how many, calls let in and refused, and what should not have been."""

    races: int = 0
    made: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


def is_refusal(error: Exception) -> bool:
    """Whether an error is one that a call beside another may raise."""
    if isinstance(error, FloatingPointError):
        return True
    if isinstance(error, RuntimeError):
        return REFUSALS.search(str(error)) is not None
    if isinstance(error, TypeError):  # the schedule of these objects is a function
        return "cannot save an object of class function" in str(error)
    # sizes that another call has changed
    return (
        type(error) is ValueError and re.search("shape.*wanted|there are", str(error)) is not None
    )


def race(kind: Kind, names: Sequence[str], outcome: Outcome) -> None:
    """Two threads, a verb each, on one fresh object."""
    obj = kind.build()
    before = kind.n_steps(obj) if kind.n_steps else 0
    steps, diverged = [0, 0], []
    start = threading.Barrier(2)

    def work(k: int) -> None:
        start.wait()
        for _ in range(CALLS):
            try:
                steps[k] += kind.verbs[names[k]](obj) or 0
                outcome.made += 1
            except Exception as error:
                outcome.refused += 1
                if isinstance(error, FloatingPointError):
                    diverged.append(error)
                if not is_refusal(error):
                    outcome.faults.append(f"{names[k]} beside {names[1 - k]}: {error!r}"[:300])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.races += 1
    both = " and ".join(names)
    if kind.n_steps and not diverged and kind.n_steps(obj) - before != sum(steps):
        made = kind.n_steps(obj) - before
        outcome.faults.append(f"{both}: {made} steps, of {sum(steps)} accepted")
    for verb in ("copy", "pickle", "save", "reset", "step", "learn"):
        try:
            if verb in kind.verbs:
                kind.verbs[verb](obj)
        except Exception as error:
            if not is_refusal(error) or "in use" in str(error):
                outcome.faults.append(f"{verb} after {both}: {error!r}"[:300])


def race_kind(name: str, seconds: float, seed: int) -> Outcome:
    """Every two verbs of a kind in some order, again and again while there is time."""
    kind, outcome = KINDS[name], Outcome()
    end = time.perf_counter() + seconds
    rng = random.Random(seed)
    sys.setswitchinterval(1e-6)
    pylstm.set_threads(3)
    while True:
        pairs = list(itertools.combinations_with_replacement(kind.verbs, 2))
        rng.shuffle(pairs)
        for names in pairs:
            race(kind, names, outcome)
            if time.perf_counter() > end:
                return outcome


def race_all(name: str, seconds: float, seed: int = 0) -> Outcome:
    """Race a kind in a process of its own; a process that dies of it is a fault."""
    command = [sys.executable, "-m", "bench.racing", name, str(seconds), str(seed)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10 * seconds + 120,
            cwd=Path(__file__).resolve().parents[1],
        )
    except subprocess.TimeoutExpired:
        return Outcome(faults=["the process hung"])
    if done.returncode != 0:
        return Outcome(faults=[f"the process ended with {done.returncode}: {done.stderr[-3000:]}"])
    return Outcome(**json.loads(done.stdout))


def main(arguments: Sequence[str]) -> int:
    """``python -m bench race``: every kind of object; 0, or 1 when something was torn."""
    parser = argparse.ArgumentParser(prog="python -m bench race", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--seconds", type=float, default=60.0, help="in all, default %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the order of pairs")
    args = parser.parse_args(arguments)
    names = args.kinds or list(KINDS)
    for name in names:
        if name not in KINDS:
            parser.error(f"no kind {name!r}, choose from {', '.join(KINDS)}")
    n_faults = 0
    for name in names:
        outcome = race_all(name, args.seconds / len(names), args.seed)
        n_faults += len(outcome.faults)
        print(
            f"{name:14}{outcome.races:7} races{outcome.made:9} calls made{outcome.refused:9} "
            f"refused{len(outcome.faults):7} faults",
            flush=True,
        )
        for fault in sorted(set(outcome.faults))[:20]:
            print(f"    {fault}")
    return 1 if n_faults else 0


if __name__ == "__main__":  # a process of race_all
    faulthandler.enable()
    print(json.dumps(vars(race_kind(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))))
