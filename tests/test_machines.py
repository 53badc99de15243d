"""Every verb in every order, by hypothesis: short here; ``python -m bench programs`` plays long."""

import os
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from machines import MACHINES, machine
from machines.kit import Machine, cut_down, fails_alike, play, program_of
from machines.lstm import LSTMMachine
from machines.model import Twin
from nets import NETS, random_task
from oracle import Learner

from bench import programs

SEEDS = st.integers(0, 2**32 - 1)
SHORT = settings(
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def as_state_machine(kind):
    """The rules of a machine as those of hypothesis, which chooses the calls and their seeds.

    It chooses all alike; of those that are rare, because they take long, most calls do nothing.
    """

    class Played(RuleBasedStateMachine):
        @initialize(seed=SEEDS, oracle=st.booleans())
        def start(self, seed, oracle):
            self.machine = kind(seed, oracle)

    for name, weight in kind.rules().items():

        def call(self, seed, name=name, share=8 * weight):
            if Random(seed).random() < share:
                self.machine.call(name, seed)

        call.__name__ = name
        setattr(Played, name, rule(seed=SEEDS)(call))
    Played.__name__ = kind.__name__
    return Played


@pytest.mark.parametrize("name", MACHINES)
def test_every_verb_in_every_order(name, pytestconfig):
    if MACHINES[name].startswith("adapters"):
        pytest.importorskip("river", reason="the extra [river] is not installed")
        pytest.importorskip("sklearn", reason="the extra [sklearn] is not installed")
    full = pytestconfig.getoption("full")
    examples = {"adapters": 15 if full else 6, "estimators": 40 if full else 20}.get(
        MACHINES[name].partition(".")[0], 150 if full else 40
    )
    short = settings(SHORT, max_examples=examples)
    run_state_machine_as_test(as_state_machine(machine(name)), settings=short)


# ---------------------------------------------------------------- the machines themselves


def test_a_fault_is_found_and_cut_down(monkeypatch):
    """A twin that forgets to reset: found soon, and shown in a step, a reset and another step."""
    monkeypatch.setattr(Twin, "reset", lambda self: None)
    found = ((seed, play(LSTMMachine, seed)[0]) for seed in range(100))
    seed, violation = next((seed, violation) for seed, violation in found if violation)
    fails = fails_alike(LSTMMachine, seed, violation)
    calls = cut_down(program_of(LSTMMachine, seed), fails)
    assert len(calls) <= 3
    assert fails(calls)


class Careless:
    """Counts what it refuses."""

    def __init__(self):
        self.count = 0

    def __getstate__(self):
        return {"count": self.count}

    def call(self, problem):
        self.count += isinstance(problem, str)
        raise ValueError(problem)


@pytest.mark.parametrize(
    ("problem", "words"),
    [("a sentence about it", "changed something"), (1, "1"), (2.5, "2.5")],
)
def test_refusals_are_sentences_and_change_nothing(problem, words):
    class Bare(Machine):
        def start(self):
            self.object = Careless()

    one = Bare(0)
    with pytest.raises(AssertionError, match=words):
        one.refused(lambda: one.object.call(problem))
    with pytest.raises(AssertionError, match="not refused"):
        one.refused(lambda: None)


def test_the_oracle_of_the_machines_is_the_oracle(rng):
    """With every verb but those of one step left out."""
    from machines.model import Model

    import pylstm

    for architecture in NETS.values():
        net = pylstm.LSTM(**architecture.keywords(), dtype="float64", init_range=0.5)
        learner = Learner(architecture, net.parameters, 0.1)
        model = Model(architecture, net.parameters, pylstm.SGD(0.1), "truncated", (False, False), 1)
        for x, target in zip(*random_task(architecture, 6, rng, "dense"), strict=True):
            np.testing.assert_array_equal(model.step(x), learner.step(x))
            assert model.learn(target) == learner.learn(target)
            learner.update()
        np.testing.assert_allclose(model.learner.w, learner.w, rtol=1e-12)


@pytest.mark.processes
def test_the_program_plays_and_counts(capsys):
    assert programs.main(["--programs", "8", "--machine", "lstm", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "8 programs in" in told
    assert "lstm step" in told


@pytest.mark.processes
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_crash_is_told_with_its_seed(monkeypatch, capsys):
    """A child that is killed names the program it was at; its calls are tried one by one."""

    def child(*options, seconds):
        if "--calls" in options:
            calls = options[options.index("--calls") + 1]
            return (-11 if '"run"' in calls else 0), []
        seed = int(options[options.index("--seed") + 1])
        return (-11, [{"seed": 3}, {"errors": ""}]) if seed <= 3 else (0, [{"tally": {}}])

    monkeypatch.setattr(programs, "_child", child)
    assert programs.main(["--programs", "8", "--machine", "lstm", "--jobs", "1"]) == 1
    told = capsys.readouterr().out
    assert "lstm, seed 3: the process ended with -11" in told
    assert '--calls \'[["run", ' in told
