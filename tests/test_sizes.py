"""Sizes beyond any memory are refused in a sentence, alone and in pairs: no other error, no crash.

Every case runs in a process whose memory is limited, so that nothing large is ever allocated.
"""

import itertools
import subprocess
import sys
from contextlib import suppress
from functools import partial

import pytest

HUGE = [2**31 - 1, 2**31, 2**62, 2**63, 2**64, 10**30]
LIMIT = 4 << 30  # bytes of addresses, of which the libraries take some

# Sizes of what is allocated; and numbers that may be anything: what is built then works.
NET = ["n_inputs", "n_outputs", "n_blocks", "block_size"]
RECURRENT = ["n_inputs", "n_outputs", "n_hidden"]
CASES = {
    "LSTM": (NET, ["scale_memory", "memory_limit"]),
    "peepholes": (NET, []),
    "scaled": (NET, ["scale_memory"]),
    "bptt": (NET, ["window"]),
    "rtrl": (NET, []),
    "double": (NET, []),
    "Streams": (["n_streams"], []),
    "Population": (["n_nets", *NET], []),
    "Delayed": ([], ["delay"]),
    "RunningScale": (["n_columns"], ["memory"]),
    "grow": (["n_inputs", "n_outputs"], []),
    "Regressor": (["n_cells"], ["block_size"]),
    "Classifier": (["n_cells"], ["block_size"]),
    "Forecaster": (["n_cells"], ["block_size", "season"]),
    "FullyRecurrent": (RECURRENT, ["memory_limit"]),
    "FullyRecurrent bptt": (RECURRENT, ["window"]),
    "Elman": (RECURRENT, []),
    "TimeConstants": (RECURRENT, ["longest"]),
    "TimeDelay": (RECURRENT, []),
    "CascadeCorrelation": (
        ["n_inputs", "n_outputs"],
        ["n_candidates", "max_units", "patience", "max_epochs"],
    ),
    "Chunker": (["n_inputs", "n_outputs", "n_hidden"], ["n_direct"]),
    "RandomGuessing": (RECURRENT, []),
    "SimulatedAnnealing": (RECURRENT, []),
    "delays": (["inputs", "hidden"], []),
    "lengths": (["lengths"], []),
    "population lengths": (["lengths"], []),
    "update": ([], ["update"]),
}


def builders():
    """By name: a function of sizes by name, the others small."""
    import numpy as np

    import pylstm
    from pylstm import baselines, estimators

    small = dict.fromkeys(NET, 1)
    few = dict.fromkeys(RECURRENT, 1)

    def lstm(**given):
        return pylstm.LSTM(**{**small, **given})

    def grown(**given):
        net = lstm()
        twin = net.copy()
        try:
            net.grow(**given)
        finally:
            assert net.step([1.0]) == twin.step([1.0])

    def again(**given):
        """What is refused the second time works no more, or as before: but it says so."""
        net = lstm()
        try:
            net.__init__(**{**small, **given})
        finally:
            with suppress(RuntimeError):
                net.step([1.0])

    def sequences(net, X, lengths):
        net.run_sequences(X, lengths=[lengths])

    def updates(update):
        for net in (lstm(), population()):
            net.run([[1.0]] * 3, [[1.0]] * 3, update=update)
        streams().run([[[1.0]]] * 3, [[[1.0]]] * 3, update=update)

    def streams(n_streams=1):
        return pylstm.Streams(lstm(), n_streams)

    def population(**given):
        return pylstm.Population(**{"n_nets": 1, **small, **given})

    return {
        "LSTM": lstm,
        "peepholes": partial(lstm, peepholes=True, gate_recurrence=True, shortcut=True),
        "scaled": partial(lstm, scale_inputs=True, scale_targets=True),
        "bptt": partial(lstm, gradient="bptt"),
        "rtrl": partial(lstm, gradient="rtrl", memory_limit=2**62),
        "double": partial(again, dtype="float64"),
        "Streams": streams,
        "Population": population,
        "Delayed": lambda delay: pylstm.Delayed(lstm(), delay),
        "RunningScale": lambda **given: pylstm.RunningScale(**{"n_columns": 1, **given}),
        "grow": grown,
        "Regressor": estimators.Regressor,
        "Classifier": estimators.Classifier,
        "Forecaster": estimators.Forecaster,
        "FullyRecurrent": lambda **given: baselines.FullyRecurrent(**{**few, **given}),
        "FullyRecurrent bptt": lambda **given: baselines.FullyRecurrent(
            **{**few, **given}, gradient="bptt"
        ),
        "Elman": lambda **given: baselines.Elman(**{**few, **given}),
        "TimeConstants": lambda **given: baselines.TimeConstants(**{**few, **given}),
        "TimeDelay": lambda **given: baselines.TimeDelay(**{**few, **given}),
        "CascadeCorrelation": lambda **given: baselines.CascadeCorrelation(
            **{"n_inputs": 1, "n_outputs": 1, **given}
        ),
        "Chunker": lambda **given: baselines.Chunker(**{**few, **given}),
        "RandomGuessing": lambda **given: baselines.RandomGuessing(**{**few, **given}),
        "SimulatedAnnealing": lambda **given: baselines.SimulatedAnnealing(**{**few, **given}),
        "delays": lambda inputs=1, hidden=1: baselines.TimeDelay(1, 1, 1, delays=[inputs, hidden]),
        "lengths": partial(sequences, lstm(), np.ones((3, 1))),
        "population lengths": partial(sequences, population(n_nets=2), np.ones((3, 1))),
        "update": updates,
    }


def try_all(name):
    """Every size of a case alone, and every two of them, at every huge number."""
    build = builders()[name]
    sizes, numbers = CASES[name]
    names = sizes + numbers
    for chosen in [*itertools.combinations(names, 1), *itertools.combinations(names, 2)]:
        for values in itertools.product(HUGE, repeat=len(chosen)):
            given = dict(zip(chosen, values, strict=True))
            try:
                repr(build(**given))
            except (ValueError, TypeError) as error:
                message = str(error)
                assert len(message) <= 300, (given, message)
                assert "wanted" in message, (given, message)
            except BaseException as error:
                raise AssertionError(f"{name}: {given}: {error!r}") from error
            else:
                assert not set(chosen) & set(sizes), f"{name}: {given} was taken"


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
def test_sizes_beyond_memory_are_refused():
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import test_sizes, pylstm\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT}))\n"
        "for name in test_sizes.CASES: test_sizes.try_all(name)\n"
    )
    here = __file__.rsplit("/", 1)[0]
    done = subprocess.run([sys.executable, "-c", program, here], capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
