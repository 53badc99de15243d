"""What a machine is, and how its programs are played.

A machine holds an object and its witnesses. Its rules are calls; each draws what it gives from a
generator of its own seed, so that a program is a list of (rule, seed), and stays one when some of
its calls are taken out. A rule that finds a difference raises AssertionError.
"""

import pickle
import random
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

N_CALLS = 40


class Outside(Exception):
    """Raised by what the programs hand in: a schedule, an ``__array__``."""


#: What a call may warn of: calls that make sense, and that few mean.
WARNINGS = "predict has been given|the mean stands for|nothing in xs has been learned from"

#: What a call may raise; anything else is a violation.
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, IndexError, FloatingPointError, Outside)


class Over(Exception):
    """The program ends here: the object diverged, and nothing more is promised of it."""


class Unreadable:
    """An array whose reading fails."""

    def __array__(self, dtype=None, copy=None):
        raise Outside("the array cannot be read")


def bad_factor(k):
    return float("nan")


def failing(k):
    raise Outside("the schedule fails")


def wave(k):
    return 1.25 + np.sin(k) / 2


def rule(weight=1):
    """Make a method a rule, so many times as likely as others."""

    def mark(method):
        method.weight = weight
        return method

    return mark


def canonical(value):
    """Everything in a value, comparable to the last bit whichever object holds it."""
    kind = type(value)
    if kind in (int, bool, str, type(None)):
        return kind, value
    if kind is float:
        return value.hex()
    if kind is np.ndarray:
        return value.dtype.str, value.shape, value.tobytes()
    if kind is dict:
        return [(key, canonical(each)) for key, each in value.items()]
    if kind in (list, tuple):
        return [canonical(each) for each in value]
    if kind.__module__.startswith("pylstm"):
        return canonical(value.__getstate__() or {})
    return kind.__name__, repr(value)


def assert_bits(actual, wanted, what):
    """Two arrays are equal to the last bit; one NaN is as good as another."""
    assert (actual.dtype, actual.shape) == (wanted.dtype, wanted.shape), what
    if actual.tobytes() == wanted.tobytes():
        return
    bits = [np.where(np.isnan(values), np.nan, values).tobytes() for values in (actual, wanted)]
    assert bits[0] == bits[1], f"{what}: {actual} is not {wanted}"


def assert_near(actual, wanted, what, tolerance=1e-8):
    """Two arrays are equal to a part of 1 or of their size; both may be NaN."""
    apart = np.abs(np.subtract(actual, wanted)) > tolerance * np.maximum(1, np.abs(wanted))
    none = np.isnan(actual) != np.isnan(wanted)
    assert np.shape(actual) == np.shape(wanted), what
    assert not (apart | none).any(), f"{what}: {actual} is not near {wanted}"


def is_sentence(problem):
    text = str(problem)
    return 10 <= len(text) <= 600 and " " in text


@dataclass
class Tally:
    """How many programs and calls of every verb, and what they raised, over many programs."""

    programs: Counter = field(default_factory=Counter)
    calls: Counter = field(default_factory=Counter)
    raised: Counter = field(default_factory=Counter)

    def add(self, other):
        self.programs += other.programs
        self.calls += other.calls
        self.raised += other.raised


class Machine:
    """An object and its witnesses; subclasses add `start`, `check` and rules."""

    name = ""
    #: One program in so many has the oracle as a witness as well, which takes its time.
    oracle_every = 8

    def __init__(self, seed, oracle=None):
        self.rng = random.Random(seed)
        self.over = False
        self.tally = Tally()
        self.tally.programs[self.name] += 1
        self.with_oracle = self.chance(1 / self.oracle_every) if oracle is None else oracle
        self.start()

    @classmethod
    def rules(cls):
        names = [name for name in dir(cls) if hasattr(getattr(cls, name), "weight")]
        return {name: getattr(cls, name).weight for name in names}

    def call(self, name, seed):
        """Make the call of a rule, drawn from its seed, and look at everything afterwards."""
        if self.over:
            return
        self.rng = random.Random(seed)
        self.tally.calls[f"{self.name} {name}"] += 1
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.filterwarnings("ignore", WARNINGS, UserWarning)
                getattr(self, name)()
                self.check()
        except (Over, FloatingPointError):
            self.tally.raised[f"{self.name} FloatingPointError"] += 1
            self.over = True

    def start(self):
        raise NotImplementedError

    def check(self):
        """What holds after every call."""

    def contents(self):
        """Everything in the object that decides how it goes on, for comparison with itself."""
        return pickle.dumps(self.object)

    def refused(self, call, *kinds):
        """A call that must be refused, in a sentence, and change nothing."""
        before = self.contents()
        wanted = kinds or EXPECTED
        given = problem = None
        try:
            given = call()
        except wanted as refusal:
            problem = refusal
        assert problem is not None, f"not refused: {given}"
        assert is_sentence(problem), repr(problem)
        assert self.contents() == before, f"refused, and changed something: {problem}"
        self.tally.raised[f"{self.name} {type(problem).__name__}"] += 1

    def unchanged(self, call):
        """What a call returns that must change nothing."""
        before = self.contents()
        given = call()
        assert self.contents() == before, "a call that only looks changed something"
        return given

    # ------------------------------------------------------------ draws

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *choices):
        return choices[int(self.rng.random() * len(choices))]

    def numbers(self, *shape):
        draw = self.rng.random
        return np.array([2 * draw() - 1 for _ in range(int(np.prod(shape)))]).reshape(shape)

    def targets(self, n_steps, config, presence=0.7):
        """(n_steps, n_outputs) in the domain of the loss, rows of NaN where there is none."""
        n_outputs, draw = config["n_outputs"], self.rng.random
        rows = []
        for _ in range(n_steps):
            row = [draw() for _ in range(n_outputs)]
            if config["output"] == "softmax":
                row = [value / sum(row) for value in row]
            rows.append(row if draw() < presence else [np.nan] * n_outputs)
        return np.array(rows).reshape(n_steps, n_outputs)

    def unusable(self, width, none_is_missing=False, is_target=False):
        """What is no row of so many numbers; None may stand for one that is missing, and a number
        for a target of one output."""
        none = "none" if none_is_missing else [None] * width
        number = "number" if is_target and width == 1 else 0.5
        return self.pick(
            np.zeros(width + 1), np.zeros((1, width)), number, ["a"] * width, [1j] * width,
            none, [np.inf] * width, [-np.inf] + [0.0] * (width - 1), None, "x", {}, Unreadable(),
            [[1], [2, 3]], [object()] * width, np.full(width, "2020", "M8[Y]"), b"x",
            [10**400] * width,
        )  # fmt: skip


# ---------------------------------------------------------------- programs


def program_of(machine, seed, n_calls=N_CALLS):
    """The calls of a program: [(rule, seed)]."""
    rng = random.Random(seed)
    names, weights = zip(*machine.rules().items(), strict=True)
    chosen = rng.choices(names, weights, k=n_calls)
    return [(name, rng.getrandbits(32)) for name in chosen]


def play(machine, seed, calls=None):
    """Go through a program; what it found, None or an exception, and its tally."""
    calls = program_of(machine, seed) if calls is None else calls
    tally = Tally()
    try:
        at_work = machine(seed)
        tally = at_work.tally
        for name, call_seed in calls:
            at_work.call(name, call_seed)
            if at_work.over:
                break
    except Exception as violation:
        return violation, tally
    return None, tally


def cut_down(calls, fails):
    """The fewest calls, each taken out in turn, with which `fails` still says that they fail."""
    k = len(calls)
    while k > 0:
        k -= 1
        fewer = calls[:k] + calls[k + 1 :]
        if fails(fewer):
            calls = fewer
    return calls


def fails_alike(machine, seed, violation):
    """Whether calls find a violation of the same kind."""
    return lambda calls: type(play(machine, seed, calls)[0]) is type(violation)
