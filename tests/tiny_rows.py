"""Small rows for the tests of experiments; as a script it is ``pylstm`` with these rows alone."""

import sys
from dataclasses import replace

from pylstm.experiments import ROWS, Exam, Paper, Perfect, Reading, Recent, Row
from pylstm.experiments.lstm_rows import FULL
from pylstm.tasks import Adding, EmbeddedReber, LongLag, NoLocalRegularities, TwoSequence

NETWORK = {**FULL, "n_blocks": 2, "init_range": 0.2}
EASY = TwoSequence(min_length=5)
PAPER = Paper(weights=51, sequences=1000)

QUICK = Row(
    name="quick",
    what="two short sequences",
    task=EASY,
    readings=(
        Reading(NETWORK, 1.0),
        Reading(NETWORK, 0.5, momentum=0.5, label="best", differs="momentum"),
    ),
    stop=Recent(error=0.1, n=200, every=50),
    trials=2,
    paper=PAPER,
    test=100,
    max_sequences=20_000,
)
EXAM = replace(QUICK, name="exam", stop=Exam(wrong=0, error=0.05, n=64, every=100))
PERFECT = replace(
    QUICK, name="perfect", stop=Perfect(n=200, recent=50, again=100, every=50, part=100), test=0
)
LAG = replace(PERFECT, name="lag", task=LongLag(p=3, q=3))
EVERY_STEP = replace(
    PERFECT,
    name="every-step",
    task=NoLocalRegularities(p=3),
    readings=(Reading({**NETWORK, "shortcut": True}, 1.0),),
    stop=Perfect(n=20, recent=10, again=50, every=50, part=20),
)
SETS = replace(
    QUICK,
    name="sets",
    task=EmbeddedReber(),
    readings=(Reading({**NETWORK, "n_blocks": 3}, 0.5),),
    stop=Exam(n=512, every=100),
    test=0,
    n_sets=2,
    max_sequences=300,
)
UNSOLVED = replace(QUICK, name="unsolved", max_sequences=150)
#: Lasts seconds: the error stays above the bound. Last in the order of costs.
SLOW = replace(
    QUICK,
    name="slow",
    task=Adding(min_length=50),
    readings=(Reading(NETWORK, 0.1),),
    paper=Paper(weights=57, sequences=1),
    max_sequences=10_000,
)

TINY = {
    row.name: row
    for row in (QUICK, EXAM, PERFECT, LAG, EVERY_STEP, SETS, UNSOLVED, SLOW)
}  # fmt: skip


if __name__ == "__main__":
    from pylstm.cli import main

    ROWS.clear()
    ROWS.update(TINY)
    sys.exit(main())
