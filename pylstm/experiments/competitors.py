"""The rows of the methods LSTM was measured against, as declarations.

Tables 1 and 2 of Hochreiter & Schmidhuber (1997) list what real-time recurrent learning (RTRL),
backpropagation through time (BPTT), Elman nets (ELM), recurrent cascade-correlation (RCC) and the
neural sequence chunker (CH) make of experiments 1 and 2a; the text adds that CH, RTRL and BPTT fail
on 2b, and that guessing weights at random solves 3a sooner than LSTM. The rows of table 1 are
quoted there from the literature, with estimates of the numbers of weights.

Tasks and criteria of success are those of LSTM. Weights of the RTRL and Elman nets of table 1
change after every step, elsewhere once a sequence; what else the paper does not state is said in
`differs`. Limits are below those of the paper where a method that fails would run for days. Rows
without figures are tasks the methods are known to solve, and LSTM on the same tasks, under the
label "chosen": settings chosen here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pylstm.experiments.lstm_rows import AT_MOST, LSTM_ROWS
from pylstm.experiments.row import NO_FIGURES, Paper, Reading, Row, Rule
from pylstm.experiments.stop import Exam, Perfect
from pylstm.tasks import EmbeddedReber, NoiseFree, NoLocalRegularities, Reber, Task, TwoSequence

__all__ = ["COMPETITORS"]

# ---------------------------------------------------------------- 1: embedded Reber grammar


def _reber(
    name: str,
    what: str,
    reading: Reading,
    paper: Paper,
    max_sequences: int,
    every: int = 500,
) -> Row:
    return Row(
        name=f"1-{name}",
        what=f"embedded Reber grammar, {what}",
        task=EmbeddedReber(),
        readings=(reading,),
        stop=Exam(n=512, every=every),
        trials=30,
        paper=paper,
        max_sequences=max_sequences,
        n_sets=3,
    )


def _fully_recurrent(n_hidden: int, alpha: float) -> Reading:
    """Outputs are units like the others."""
    return Reading(
        {"n_hidden": n_hidden, "readout": "units", "hidden_bias": False, "init_range": 0.2},
        alpha,
        method="rtrl",
        update="step",
        differs="weights from +-0.2, not stated",
    )


def _elman() -> Reading:
    return Reading(
        {"n_hidden": 15, "hidden_bias": False, "output_bias": False, "init_range": 0.2},
        0.1,
        method="elman",
        update="step",
        differs="alpha 0.1 and weights from +-0.2, neither stated",
    )


_EMBEDDED = (
    _reber(
        "rtrl-3",
        "3 hidden units, alpha 0.05",
        _fully_recurrent(3, 0.05),
        Paper(weights=170, sequences=173_000, success=None),
        max_sequences=519_000,
    ),
    _reber(
        "rtrl-12",
        "12 hidden units, alpha 0.1",
        _fully_recurrent(12, 0.1),
        Paper(weights=494, sequences=25_000, success=None),
        max_sequences=200_000,
    ),
    _reber(
        "elman",
        "15 hidden units",
        _elman(),
        Paper(weights=435, success=0.0, not_within=200_000),
        max_sequences=200_000,
    ),
    _reber(
        "rcc",
        "units added until the outputs are right",
        Reading(
            {},
            None,
            method="rcc",
            differs="outputs see the inputs too; settings of quickprop, which are not stated",
        ),
        Paper(weights=(119, 198), sequences=182_000, success=0.5),
        max_sequences=364_000,
        every=256,  # an epoch
    ),
)

# ---------------------------------------------------------------- 2: long time lags

_NET_OF_2 = {
    "n_hidden": 1,
    "readout": "layer",
    "shortcut": True,
    "hidden_bias": False,
    "output_bias": False,
    "init_range": 0.2,
}


_CHUNKER = Reading(
    {},
    1.0,
    method="chunker",
    update="step",
    differs="the nets have biases; units from sequence 1000 on; what goes up is chosen here",
)


def _one_unit(method: str, alpha: float) -> Reading:
    """One hidden unit that sees itself; outputs see it and the inputs."""
    return Reading(_NET_OF_2, alpha, method=method)


def _next_symbol(experiment: str, p: int, reading: Reading, paper: Paper, limit: int) -> Row:
    regular = experiment == "2a"
    what = "noise-free sequences" if regular else "no local regularities"
    alpha = f"{reading.learning_rate:g}"
    return Row(
        name=f"{experiment}-{reading.method}-{p}-{alpha}",
        what=f"{what}, p = {p}, alpha {alpha}",
        task=NoiseFree(p=p) if regular else NoLocalRegularities(p=p),
        readings=(reading,),
        stop=Perfect(),
        trials=18,
        paper=paper,
        max_sequences=limit,
    )


def _shortest_lag(alpha: float, sequences: int, n_solved: int) -> Row:
    """Also from weights with which more trials succeed."""
    written = _one_unit("rtrl", alpha)
    paper = Paper(weights=36, sequences=sequences, success=n_solved / 18)
    row = _next_symbol("2a", 4, written, paper, AT_MOST)
    return replace(
        row, readings=(written, written.but("nearest", "weights from +-2", init_range=2.0))
    )


def _with_errors_of_lstm(method: str) -> Row:
    """Also with errors where those of the LSTM are that learns it."""
    written = _one_unit(method, 1.0)
    row = _next_symbol("2b", 100, written, _paper_failed(10404, None), 100_000)
    task = NoLocalRegularities(error_at_end=True)
    return replace(
        row, readings=(written, written.but("nearest", "error at the end only", task=task))
    )


def _paper_failed(weights: int, not_within: int | None = AT_MOST) -> Paper:
    return Paper(weights=weights, success=0.0, not_within=not_within)


_LAGS = (
    #             alpha  sequences  of 18
    _shortest_lag(1.0, 1_043_000, 14),
    _shortest_lag(4.0, 892_000, 10),
    _shortest_lag(10.0, 254_000, 4),
    #                   p
    _next_symbol("2a", 10, _one_unit("rtrl", 1.0), _paper_failed(144), AT_MOST),
    _next_symbol("2a", 10, _one_unit("rtrl", 10.0), _paper_failed(144), AT_MOST),
    _next_symbol("2a", 100, _one_unit("rtrl", 1.0), _paper_failed(10404), 100_000),
    _next_symbol("2a", 100, _one_unit("bptt", 1.0), _paper_failed(10404), 100_000),
    _next_symbol(
        "2a", 100, _CHUNKER, Paper(weights=10506, sequences=32_400, success=6 / 18), 64_800
    ),
    _with_errors_of_lstm("rtrl"),
    _with_errors_of_lstm("bptt"),
    _next_symbol("2b", 100, _CHUNKER, _paper_failed(10506, None), 20_000),
)

# ---------------------------------------------------------------- what each is known to solve


def _row_without_figures(
    name: str, what: str, task: Task, stop: Rule, limit: int, reading: Reading
) -> Row:
    """A row without figures in the paper, with settings chosen here."""
    return Row(
        name=name,
        what=what,
        task=task,
        readings=(replace(reading, label="chosen", differs="", task=None, max_sequences=None),),
        stop=stop,
        trials=10,
        paper=NO_FIGURES,
        max_sequences=limit,
    )


_OF_LSTM = {row.name: row for row in LSTM_ROWS}


def _lstm_reading(name: str) -> Reading:
    """The reading of a row of LSTM nearest to the paper that learns."""
    row = _OF_LSTM[name]
    return row.reading("nearest") or row.readings[0]


def _plain_reber(what: str, reading: Reading) -> Row:
    what = f"Reber grammar, {what}"
    return _row_without_figures(f"reber-{reading.method}", what, Reber(), Exam(), 100_000, reading)


def _short_lag(p: int, reading: Reading) -> Row:
    what = f"noise-free sequences, p = {p}"
    name = f"2a-{reading.method}-{p}"
    return _row_without_figures(name, what, NoiseFree(p=p), Perfect(), 100_000, reading)


def _few_symbols(p: int, reading: Reading) -> Row:
    what = f"no local regularities, p = {p}, error at the end only"
    task = NoLocalRegularities(p=p, error_at_end=True)
    return _row_without_figures(
        f"2b-{reading.method}-{p}", what, task, Perfect(), 2_000_000, reading
    )


def _two_sequence(line: int, reading: Reading) -> Row:
    """The task and the rule of a row of experiment 3a."""
    row = _OF_LSTM[f"3a-{line}"]
    name = f"3a-{reading.method}-{line}"
    chosen = _row_without_figures(name, row.what, row.task, row.stop, row.limit, reading)
    return replace(chosen, test=row.test)


def _short_two_sequence(T: int, reading: Reading) -> Row:
    task = TwoSequence(min_length=T)
    what = f"two sequences, T = {T}, N = {task.n_information}"
    stop = Exam(error=0.01, every=50)
    return _row_without_figures(f"3a-{reading.method}-T{T}", what, task, stop, 500_000, reading)


def _time_constants(n_hidden: int, longest: int, alpha: float = 2.0) -> Reading:
    network = {"n_hidden": n_hidden, "longest": longest, "gradient": "bptt", "init_range": 0.2}
    return Reading(network, alpha, method="time-constants")


def _guessing(**network: Any) -> Reading:
    return Reading({"n_hidden": 1, "scale": 100.0, **network}, None, method="guessing")


_BY_BPTT = replace(_fully_recurrent(3, 0.1), method="bptt", update="sequence")

_KNOWN = (
    _plain_reber("3 blocks of size 2", _lstm_reading("1-5")),
    _plain_reber("3 hidden units", _fully_recurrent(3, 0.1)),
    _plain_reber("3 hidden units", _BY_BPTT),
    _plain_reber("15 hidden units", _elman()),
    _plain_reber(
        "8 hidden units, two delays a layer",
        Reading({"n_hidden": 8, "delays": (2, 2)}, 0.1, method="tdnn"),
    ),
    _short_lag(4, _lstm_reading("2a")),
    _short_lag(4, _time_constants(n_hidden=4, longest=3)),
    _short_lag(10, _lstm_reading("2a")),
    _short_lag(10, _time_constants(n_hidden=5, longest=4)),
    _short_lag(20, _lstm_reading("2a")),
    _short_lag(20, _time_constants(n_hidden=16, longest=5, alpha=1.0)),
    _few_symbols(4, _lstm_reading("2b")),
    _few_symbols(4, _guessing(readout="layer", tolerance=0.25)),
    _two_sequence(1, _guessing()),
    _two_sequence(2, _guessing()),
    _short_two_sequence(10, _lstm_reading("3a-1")),
    _short_two_sequence(
        10, Reading({"n_hidden": 1, "scale": 5.0, "cooling": 0.99}, None, method="annealing")
    ),
)

#: In the order of the paper; below them, without figures, tasks the methods are known to solve.
COMPETITORS = (*_EMBEDDED, *_LAGS, *_KNOWN)
