"""The rows of the methods LSTM was measured against, as declarations.

Tables 1 and 2 of Hochreiter & Schmidhuber (1997) list what real-time recurrent learning (RTRL),
backpropagation through time (BPTT), Elman nets (ELM), recurrent cascade-correlation (RCC) and the
neural sequence chunker (CH) make of experiments 1 and 2; the text adds that these fail on 2b, and
that guessing weights at random solves short sequences and two-sequence problems. Those of table 1
are the paper's own quotations from the literature, with weights it estimates.

Tasks, criteria of success and seeds are those of LSTM. Where it says nothing of an initial range or
of a rate, what is taken instead is said in `differs`. Limits are smaller than the paper's where a
method that fails would otherwise run for days. Below are tasks the methods are known to solve
from their own literature, and LSTM on the same, under the label "chosen": settings chosen here.
"""

from __future__ import annotations

from dataclasses import replace

from pylstm.experiments.lstm_rows import AT_MOST, LSTM_ROWS
from pylstm.experiments.row import NO_FIGURES, Paper, Reading, Row
from pylstm.experiments.stop import Exam, Perfect
from pylstm.tasks import EmbeddedReber, NoiseFree, NoLocalRegularities, Reber, Task

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


def _next_symbol(
    experiment: str,
    method: str,
    p: int,
    alpha: float,
    paper: Paper,
    limit: int = AT_MOST,
    nearest: float | None = None,
) -> Row:
    """nearest: range of the starting weights with which more succeed."""
    regular = experiment == "2a"
    written = Reading(_NET_OF_2, alpha, method=method)
    readings = [written]
    if nearest is not None:
        differs = f"weights from +-{nearest:g}"
        readings.append(written.but("nearest", differs, init_range=nearest))
    return Row(
        name=f"{experiment}-{method}-{p}-{alpha:g}",
        what=f"{'noise-free sequences' if regular else 'no local regularities'}, p = {p}",
        task=NoiseFree(p=p) if regular else NoLocalRegularities(p=p),
        readings=tuple(readings),
        stop=Perfect(),
        trials=18,
        paper=paper,
        max_sequences=limit,
    )


def _failed(weights: int, not_within: int | None = AT_MOST) -> Paper:
    return Paper(weights=weights, success=0.0, not_within=not_within)


_LAGS = (
    #                             p    alpha
    _next_symbol(
        "2a", "rtrl", 4, 1.0, Paper(weights=36, sequences=1_043_000, success=14 / 18), nearest=2.0
    ),
    _next_symbol(
        "2a", "rtrl", 4, 4.0, Paper(weights=36, sequences=892_000, success=10 / 18), nearest=2.0
    ),
    _next_symbol(
        "2a", "rtrl", 4, 10.0, Paper(weights=36, sequences=254_000, success=4 / 18), nearest=2.0
    ),
    _next_symbol("2a", "rtrl", 10, 1.0, _failed(144)),
    _next_symbol("2a", "rtrl", 10, 10.0, _failed(144)),
    _next_symbol("2a", "rtrl", 100, 1.0, _failed(10404), 100_000),
    _next_symbol("2a", "bptt", 100, 1.0, _failed(10404), 100_000),
    _next_symbol("2b", "rtrl", 100, 1.0, _failed(10404, None), 100_000),
    _next_symbol("2b", "bptt", 100, 1.0, _failed(10404, None), 100_000),
)

# ---------------------------------------------------------------- what each is known to solve


def _chosen(
    name: str, what: str, task: Task, stop: Exam | Perfect, limit: int, reading: Reading
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


def _plain_reber(method: str, what: str, reading: Reading) -> Row:
    return _chosen(f"reber-{method}", f"Reber grammar, {what}", Reber(), Exam(), 200_000, reading)


_OF_LSTM = {row.name: row for row in LSTM_ROWS}


def _nearest(name: str) -> Reading:
    """The nearest reading of a row of LSTM."""
    reading = _OF_LSTM[name].reading("nearest")
    assert reading is not None
    return reading


_KNOWN = (
    _plain_reber("lstm", "3 blocks of size 2", _nearest("1-5")),
    _plain_reber("rtrl", "3 hidden units", _fully_recurrent(3, 0.1)),
    _plain_reber(
        "bptt",
        "3 hidden units",
        replace(_fully_recurrent(3, 0.1), method="bptt", update="sequence"),
    ),
    _plain_reber("elman", "15 hidden units", _elman()),
)


COMPETITORS = (*_EMBEDDED, *_LAGS, *_KNOWN)
