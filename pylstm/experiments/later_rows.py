"""The rows of the papers of 2000, 2001 and 2002, as declarations beside those of 1997.

    2000    Gers, Schmidhuber & Cummins, "Learning to forget"
    2001    Gers & Schmidhuber, "LSTM recurrent networks learn simple context-free and
            context-sensitive languages"
    2002    Gers, Schraudolph & Schmidhuber, "Learning precise timing with LSTM recurrent networks"

Certain are the figures of the continual embedded Reber grammar and what the paper of 2002 says in
words; all others are from memory, `uncertain`, and no verdict is based on them. Weights change at
every step in all three. Networks differ from those of 1997: gates are no sources of the hidden
layer, and there are forget gates, which keep at 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pylstm.experiments.row import Paper, Reading, Row
from pylstm.experiments.stop import Learned, Perfect, Streams
from pylstm.optimizers import SGD, Decay
from pylstm.tasks import (
    AnBmBmAn,
    AnBn,
    AnBnCn,
    ContinualReber,
    ContinualTemporalOrder,
    GeneratedSpikes,
    Language,
    PeriodicFunction,
    SpikeDelays,
    SpikeIntervals,
    Task,
)

__all__ = ["LATER_ROWS"]

H1_G2 = {"cell_input": "two_tanh_half", "cell_output": "tanh_half"}
LOGISTIC = {"output": "logistic", "loss": "squared"}

# ---------------------------------------------------------------- 2000: learning to forget

_INPUTS_AND_OUTPUTS = [-0.5, -1.0, -1.5, -2.0]

CERG = {
    **H1_G2,
    **LOGISTIC,
    "n_blocks": 4,
    "block_size": 2,
    "shortcut": True,
    "hidden_bias": "gates",
    "bias_init": {
        "input_gate": _INPUTS_AND_OUTPUTS,
        "forget_gate": [0.5, 1.0, 1.5, 2.0],
        "output_gate": _INPUTS_AND_OUTPUTS,
    },
    "init_range": 0.2,
}
WITHOUT_FORGETTING = {
    **CERG,
    "forget_gate": False,
    "bias_init": {"input_gate": _INPUTS_AND_OUTPUTS, "output_gate": _INPUTS_AND_OUTPUTS},
}
DECAY = {**WITHOUT_FORGETTING, "leak": 0.1}
ALPHA_DECAY = SGD(0.5, schedule=Decay(0.99))
_NEVER_WRONG = (
    "outputs between 0.3 and 0.7, as those of a network that has learned nothing may be, are never "
    "wrong by a squared error of 0.49; what succeeds after the first streams has not learned"
)


def _cerg(
    name: str, what: str, network: dict[str, Any], paper: Paper, reset: bool = False, **rule: Any
) -> Row:
    written = Reading(network, 0.5, update="step", **rule)
    return Row(
        name=f"2000-cerg-{name}",
        what=f"continual embedded Reber grammar, {what}",
        task=ContinualReber(external_reset=reset),
        readings=(
            written,
            written.but(
                "nearest",
                "every symbol that may come next is wanted, not the one that does; wrong is an "
                "error of 0.49, not a squared one",
                task=ContinualReber(possible=True, external_reset=reset),
            ),
        ),
        stop=Streams(training=100_000, test=100_000, good=1000),
        trials=100,
        paper=paper,
        max_sequences=30_000,
        why=_NEVER_WRONG,
    )


def _cnto(name: str, what: str, network: dict[str, Any], paper: Paper, **rule: Any) -> Row:
    return Row(
        name=f"2000-cnto-{name}",
        what=f"continual temporal order, {what}",
        task=ContinualTemporalOrder(),
        readings=(Reading(network, 0.5, update="step", **rule),),
        stop=Streams(training=100, test=100),
        trials=100,
        paper=paper,
        max_sequences=100_000,
    )


# ---------------------------------------------------------------- 2001: languages

# alpha 1e-5 with outputs 4/(1+e^-x) - 2; of the logistic function itself the gradient of the
# squared error is 16 times smaller.
_LANGUAGE_ALPHA = 16e-5
_MORE_STRINGS = 300_000


def _language(
    name: str,
    what: str,
    task: Language,
    n_blocks: int,
    most: int,
    paper: Paper,
) -> Row:
    network = {
        **LOGISTIC,
        "n_blocks": n_blocks,
        "peepholes": True,
        "shortcut": True,
        "cell_input": "identity",
        "cell_output": "identity",
        "bias_init": {"input_gate": -1, "forget_gate": 2, "output_gate": -2},
    }
    written = Reading(network, _LANGUAGE_ALPHA, momentum=0.99, update="step")
    stop = Learned(task.low, task.high, most)
    differs = f"{_MORE_STRINGS:,} more training strings before larger sizes are asked for"
    return Row(
        name=f"2001-{name}-{task.high}",
        what=f"{what}, sizes {task.low} to {task.high}",
        task=task,
        readings=(
            written,
            written.but("best", differs, stop=replace(stop, more=_MORE_STRINGS)),
        ),
        stop=stop,
        trials=10,
        paper=paper,
        max_sequences=1_000_000,
    )


def _a_n_b_n(n: int, sequences: int, best: int, mean: float) -> Row:
    paper = Paper(weights=38, sequences=sequences, up_to=(best, mean), uncertain=True)
    return _language("anbn", "a^n b^n", AnBn(1, n), 1, 1000, paper)


def _a_n_b_n_c_n(n: int, sequences: int, best: int, mean: float) -> Row:
    paper = Paper(weights=90, sequences=sequences, up_to=(best, mean), uncertain=True)
    return _language("anbncn", "a^n b^n c^n", AnBnCn(1, n), 2, 1000, paper)


# ---------------------------------------------------------------- 2002: precise timing

# Of a state the forget gates keep sigmoid(bias) a step, to begin with.
_SHORT_MEMORY = (
    "forget gates that start at -2 keep 0.12 of a state a step, so what tells the last step from "
    "those before it is 0.12^F, and there is next to nothing to learn from"
)


def _timing(
    name: str,
    what: str,
    task: Task,
    stop: Streams | Perfect,
    momentum: float,
    output: str,
    paper: Paper,
    limit: int,
    peepholes: bool,
    forget: int | None = None,
) -> Row:
    """forget: where the biases of forget gates start in the nearest reading, if there is one."""
    biases = {"input_gate": 0, "forget_gate": -2, "output_gate": 2}
    network = {
        "n_blocks": 1,
        "peepholes": peepholes,
        "cell_input": "identity",
        "cell_output": "identity",
        "output": output,
        "loss": "squared",
        "bias_init": biases,
        "dtype": "float64",  # alpha times a small gradient is less than float32 can add to 2
    }
    written = Reading(network, 1e-5, momentum=momentum, update="step", max_sequences=500_000)
    nearest = written.but(
        "nearest",
        f"forget gates start at {forget}, not -2",
        bias_init={**biases, "forget_gate": forget},
        max_sequences=2_000_000,
    )
    return Row(
        name=f"2002-{name}-{'peepholes' if peepholes else 'plain'}",
        what=f"{what}, {'with' if peepholes else 'without'} peepholes",
        task=task,
        readings=(written,) if forget is None else (written, nearest),
        stop=stop,
        trials=10,
        paper=paper,
        max_sequences=limit,
        why="" if forget is None else _SHORT_MEMORY,
    )


def _from_memory(
    peepholes: bool, sequences: int | None, success: float, limit: int = 10_000_000
) -> Paper:
    return Paper(
        weights=17 if peepholes else 14,
        sequences=sequences,
        success=success,
        not_within=None if sequences else limit,
        uncertain=True,
    )


def _intervals(F: int, peepholes: bool, sequences: int, success: float) -> Row:
    return _timing(
        f"nmsd-{F}",
        f"one spike delay, F = {F}",
        SpikeIntervals(F),
        Perfect(n=1000, recent=100, again=100, every=100, part=500),
        0.99,
        "logistic",
        _from_memory(peepholes, sequences, success),
        20 * sequences,
        peepholes,
        forget=3,
    )


def _delays(delays: tuple[int, ...], peepholes: bool, sequences: int | None, success: float) -> Row:
    two = delays == (0, 1)
    return _timing(
        f"msd-10-{len(delays)}",
        f"spike delays, F = 10, delays {', '.join(map(str, delays))}",
        SpikeDelays(10, delays),
        Streams(training=100, test=1000, n_tests=1),
        0.9999,
        "logistic" if two else "identity",
        _from_memory(peepholes, sequences, success, 100_000_000),
        10_000_000,
        peepholes,
        forget=2,
    )


def _spikes(F: int, peepholes: bool, sequences: int | None, success: float) -> Row:
    return _timing(
        f"gts-{F}",
        f"timed spikes, F = {F}",
        GeneratedSpikes(F),
        Streams(training=100, test=1000, n_tests=1),
        0.999,
        "logistic",
        _from_memory(peepholes, sequences, success),
        10_000_000,
        peepholes,
        forget=0,
    )


def _function(shape: str, F: int, peepholes: bool) -> Row:
    solved = peepholes or (shape, F) == ("cosine", 10)
    paper = Paper(
        weights=17 if peepholes else 14,
        success=None if solved else 0.0,
        not_within=None if solved else 10_000_000,
        uncertain=solved,
    )
    return _timing(
        f"pfg-{shape}-{F}",
        f"periodic function, {shape}, F = {F}",
        PeriodicFunction(shape, F),
        Streams(training=100, test=1000, n_tests=1),
        0.99,
        "identity",
        paper,
        10_000_000,
        peepholes,
    )


# ---------------------------------------------------------------- the tables

LATER_ROWS = (
    _cerg("reset", "without forget gates, reset from outside", WITHOUT_FORGETTING,
          Paper(weights=360, success=0.74, sequences=7_441, good=(0.0, None), rest=(0.26, 31)),
          reset=True),
    _cerg("standard", "without forget gates", WITHOUT_FORGETTING,
          Paper(weights=360, success=0.0, not_within=30_000, good=(0.01, 1166), rest=(0.99, 37))),
    _cerg("decay", "states decay by 0.9", DECAY,
          Paper(weights=360, success=0.0, not_within=30_000, good=(0.0, None), rest=(1.0, 56))),
    _cerg("forget", "forget gates", CERG,
          Paper(weights=424, success=0.18, sequences=18_889, good=(0.29, 39_171),
                rest=(0.53, 145))),
    _cerg("alpha", "forget gates, alpha decays", CERG,
          Paper(weights=424, success=0.62, sequences=14_087, good=(0.06, 68_464),
                rest=(0.32, 30)),
          optimizer=ALPHA_DECAY),
    _cnto("standard", "without forget gates", WITHOUT_FORGETTING,
          Paper(success=0.0, not_within=100_000, rest=(1.0, 4.6), uncertain=True)),
    _cnto("decay", "states decay by 0.9", DECAY, Paper(success=None, uncertain=True)),
    _cnto("forget", "forget gates", CERG,
          Paper(success=0.24, sequences=18_077, rest=(0.76, 12.2), uncertain=True)),
    _cnto("alpha", "forget gates, alpha decays", CERG,
          Paper(success=0.37, sequences=22_654, rest=(0.63, 11.8), uncertain=True),
          optimizer=ALPHA_DECAY),
    #        n   sequences  up to, mean
    _a_n_b_n(10, 22_000, 1000, 118),
    _a_n_b_n(20, 18_000, 587, 148),
    _a_n_b_n(30, 16_000, 1000, 408),
    _a_n_b_n(40, 25_000, 1000, 628),
    _a_n_b_n(50, 42_000, 767, 430),
    _language("anbmbman", "a^n b^m B^m A^n", AnBmBmAn(2, 12), 2, 100,
              Paper(weights=110, success=None, uncertain=True)),
    _a_n_b_n_c_n(10, 54_000, 52, 28),
    _a_n_b_n_c_n(20, 28_000, 160, 66),
    _a_n_b_n_c_n(30, 37_000, 228, 91),
    _a_n_b_n_c_n(40, 51_000, 500, 120),
    _a_n_b_n_c_n(50, 60_000, 500, 409),
    #          F   peepholes sequences, success
    _intervals(10, False, 160_000, 1.0), _intervals(10, True, 125_000, 1.0),
    _intervals(20, False, 732_000, 1.0), _intervals(20, True, 763_000, 1.0),
    _intervals(30, False, 17_521_000, 1.0), _intervals(30, True, 12_885_000, 0.8),
    _intervals(40, False, 37_533_000, 1.0), _intervals(40, True, 25_686_000, 0.7),
    _intervals(50, False, 59_453_000, 1.0), _intervals(50, True, 32_485_000, 0.1),
    _delays((0, 1), False, 8_850_000, 0.1), _delays((0, 1), True, 27_453_000, 0.2),
    _delays((0, 1, 2), False, 29_257_000, 0.2), _delays((0, 1, 2), True, 9_791_000, 0.6),
    _spikes(10, False, None, 0.0), _spikes(10, True, 41_000, 1.0),
    _spikes(20, False, None, 0.0), _spikes(20, True, 67_000, 1.0),
    _spikes(30, False, None, 0.0), _spikes(30, True, 845_000, 0.8),
    _spikes(40, False, None, 0.0), _spikes(40, True, 1_152_000, 1.0),
    _spikes(50, False, None, 0.0), _spikes(50, True, 2_538_000, 1.0),
    *(_function(shape, F, peepholes)
      for shape in ("cosine", "triangle", "rectangle")
      for F in (10, 25)
      for peepholes in (False, True)),
)  # fmt: skip
