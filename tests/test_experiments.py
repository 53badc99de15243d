"""The table of the experiments, their stop rules, and trials."""

from dataclasses import asdict, replace
from zlib import crc32

import numpy as np
import pytest
import tiny_rows
from tiny_rows import EASY, EVERY_STEP, EXAM, NETWORK, QUICK, SETS, TINY

import pylstm
from pylstm import tasks
from pylstm.errors import InputError
from pylstm.experiments import (
    NO_FIGURES,
    ROWS,
    Exam,
    Paper,
    Perfect,
    Reading,
    Recent,
    Summary,
    select,
)
from pylstm.experiments.lstm_rows import LSTM_ROWS
from pylstm.experiments.methods import METHODS
from pylstm.experiments.stop import Answers, Examine, Mark, Train
from pylstm.experiments.trial import Curve, mean_length, run_trials

# ---------------------------------------------------------------- the table of the paper

# Tables 10 and 11 of the paper, typed from them and not from rows.py: shortest sequence p, blocks
# and their size, inputs, outputs, weights; biases of output and input gates ("-": random or none),
# biased units, squashing of the cell state h and of the cell input g, alpha, range of the starting
# weights. p counts symbols: where each predicts the next one, the last is only a target.
ARCHITECTURE = """
1-1     9 4 1    7    7   264  -1,-2,-3,-4  -         gates  h1 g2  0.1  0.2
1-2     9 3 2    7    7   276  -1,-2,-3     -         gates  h1 g2  0.1  0.2
1-3     9 3 2    7    7   276  -1,-2,-3     -         gates  h1 g2  0.2  0.2
1-4     9 4 1    7    7   264  -1,-2,-3,-4  -         gates  h1 g2  0.5  0.2
1-5     9 3 2    7    7   276  -1,-2,-3     -         gates  h1 g2  0.5  0.2
2a    101 1 1  101  101 10504  no           -         none   id g1  1.0  0.2
2b    101 1 1  101  101 10504  no           -         none   id g1  1.0  0.2
2c-1   54 2 1   54    2   364  -            -         none   h1 g2  0.01 0.2
2c-2  104 2 1  104    2   664  -            -         none   h1 g2  0.01 0.2
2c-3  204 2 1  204    2  1264  -            -         none   h1 g2  0.01 0.2
2c-4  504 2 1  504    2  3064  -            -         none   h1 g2  0.01 0.2
2c-5 1004 2 1 1004    2  6064  -            -         none   h1 g2  0.01 0.2
2c-6 1004 2 1  504    2  3064  -            -         none   h1 g2  0.01 0.2
2c-7 1004 2 1  204    2  1264  -            -         none   h1 g2  0.01 0.2
2c-8 1004 2 1  104    2   664  -            -         none   h1 g2  0.01 0.2
2c-9 1004 2 1   54    2   364  -            -         none   h1 g2  0.01 0.2
3a-1  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3a-2  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3a-3 1000 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3b-1  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3b-2  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3b-3 1000 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  1.0  0.1
3c-1  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  0.1  0.1
3c-2  100 3 1    1    1   102  -2,-4,-6     -1,-3,-5  hidden h1 g2  0.1  0.1
4-1   100 2 2    2    1    93  -            -3,-6     all    h1 g2  0.5  0.1
4-2   500 2 2    2    1    93  -            -3,-6     all    h1 g2  0.5  0.1
4-3  1000 2 2    2    1    93  -            -3,-6     all    h1 g2  0.5  0.1
5-1   100 2 2    2    1    93  -            -         all    h1 g2  0.1  0.1
5-2   100 2 2    2    1    93  -            -         all    h1 g2  0.1  0.1
6a    100 2 2    8    4   156  -            -2,-4     all    h1 g2  0.5  0.1
6b    100 3 2    8    8   308  -            -2,-4,-6  all    h1 g2  0.1  0.1
"""

# What came out: trials, % success, sequences until success; sequences until ST1, wrong of the test
# sequences, mean error ("-": not given).
OUTCOME = """
1-1  30 100   39740      - - -
1-2  30 100   21730      - - -
1-3  30  97   14060      - - -
1-4  30  97    9500      - - -
1-5  30 100    8440      - - -
2a   18 100    5040      - - -
2b   18 100    5680      - - -
2c-1 20 100   30000      - - -
2c-2 20 100   31000      - - -
2c-3 20 100   33000      - - -
2c-4 20 100   38000      - - -
2c-5 20 100   49000      - - -
2c-6 20 100   49000      - - -
2c-7 20 100   75000      - - -
2c-8 20 100  135000      - - -
2c-9 20 100  203000      - - -
3a-1 10 100   39850  27380 0.000195 -
3a-2 10 100   64330  58370 0.000117 -
3a-3 10 100  452460 446850 0.000078 -
3b-1 10 100   43250  41740 0.00828  -
3b-2 10 100   78430  74950 0.01500  -
3b-3 10 100  485080 481060 0.01207  -
3c-1 10 100  269650      - 0.00558  0.014
3c-2 10 100  565640      - 0.00441  0.012
4-1  10 100   74000      - 1/2560   -
4-2  10 100  209000      - 0/2560   -
4-3  10 100  853000      - 1/2560   -
5-1  10 100  482000      - 139/2560 0.0223
5-2  10 100 1273000      - 14/2560  0.0139
6a   20 100   31390      - 1/2560   -
6b   10 100  571100      - 2/2560   -
"""

TASKS = {
    "1": tasks.EmbeddedReber(),
    "2a": tasks.NoiseFree(p=100), "2b": tasks.NoLocalRegularities(p=100),
    "2c-1": tasks.LongLag(50, 50), "2c-2": tasks.LongLag(100, 100), "2c-3": tasks.LongLag(200, 200),
    "2c-4": tasks.LongLag(500, 500), "2c-5": tasks.LongLag(1000, 1000),
    "2c-6": tasks.LongLag(p=500, q=1000), "2c-7": tasks.LongLag(p=200, q=1000),
    "2c-8": tasks.LongLag(p=100, q=1000), "2c-9": tasks.LongLag(p=50, q=1000),
    "3a-1": tasks.TwoSequence(3), "3a-2": tasks.TwoSequence(1),
    "3a-3": tasks.TwoSequence(3, min_length=1000),
    "3b-1": tasks.TwoSequence(3, True), "3b-2": tasks.TwoSequence(1, True),
    "3b-3": tasks.TwoSequence(1, True, min_length=1000),
    "3c-1": tasks.TwoSequence(3, False, True), "3c-2": tasks.TwoSequence(1, False, True),
    "4-1": tasks.Adding(100), "4-2": tasks.Adding(500), "4-3": tasks.Adding(1000),
    "5": tasks.Multiplication(100), "6a": tasks.TemporalOrder(2), "6b": tasks.TemporalOrder(3),
}  # fmt: skip
STOPS = {
    "1": Exam(wrong=0, error=np.inf, n=512, every=100),
    "2a": Perfect(n=10_000, recent=100), "2b": Perfect(n=10_000, recent=100),
    "2c": Perfect(n=10_000, recent=500),
    "3a": Exam(wrong=0, error=0.01, n=256), "3b": Exam(wrong=5, error=0.04, n=256),
    "3c": Exam(wrong=0, error=0.015, n=256), "4": Recent(wrong=0, error=0.01, n=2000),
    "5-1": Recent(wrong=139, error=np.inf, n=2000), "5-2": Recent(wrong=12, error=np.inf, n=2000),
    "6": Recent(wrong=0, error=0.1, n=2000),
}  # fmt: skip


def lines(table):
    return [line.split() for line in table.strip().splitlines()]


def of_row(table, name):
    """The entry of a row, or of the rows it belongs to."""
    return next(table[key] for key in (name, name[:2], name[:1]) if key in table)


def numbers(cell):
    return [float(number) for number in cell.split(",")]


OF_PAPER = [row.name for row in LSTM_ROWS]


def test_rows_are_those_of_the_paper_in_its_order():
    assert list(ROWS)[:31] == OF_PAPER
    assert [line[0] for line in lines(ARCHITECTURE)] == OF_PAPER
    assert [line[0] for line in lines(OUTCOME)] == OF_PAPER
    assert {row.method for row in LSTM_ROWS} == {"lstm"}


@pytest.mark.parametrize("line", lines(ARCHITECTURE), ids=lambda line: line[0])
def test_network_is_that_of_the_paper(line):
    name, p, n_blocks, size, n_in, n_out, n_weights, out_bias, in_bias, biased, h, g, *rates = line
    row, reading = ROWS[name], ROWS[name].readings[0]
    net = row.network(reading)
    assert (net.n_inputs, net.n_outputs) == (int(n_in), int(n_out))
    assert (net.n_blocks, net.block_size) == (int(n_blocks), int(size))
    assert net.n_parameters == int(n_weights) == row.paper.weights
    below = [f"input[{k}]" for k in range(net.n_inputs)]
    gates = ["input_gate"] if out_bias == "no" else ["input_gate", "output_gate"]
    around = [f"cell[{k}]" for k in range(net.n_cells)]
    around += [f"{gate}[{k}]" for gate in gates for k in range(net.n_blocks)]
    bias = [] if biased == "none" else ["bias"]
    assert net.sources == below + ([] if out_bias == "no" else around) + bias
    parameters = net.parameters
    assert set(parameters) == {*gates, "cell_input", "output"}
    of_cell = len(net.sources) - (biased == "gates")
    assert parameters["cell_input"].shape == (net.n_cells, of_cell)
    of_output = net.n_cells + (net.n_inputs if out_bias == "no" else 0) + (biased == "all")
    assert parameters["output"].shape == (net.n_outputs, of_output)
    for gate, start in (("output_gate", out_bias), ("input_gate", in_bias)):
        if start not in ("-", "no"):
            assert parameters[gate][:, -1].tolist() == numbers(start)
            parameters[gate][:, -1] = 0
    alpha, init_range = map(float, rates)
    largest = max(np.abs(weights).max() for weights in parameters.values())
    assert 0.9 * init_range < largest <= init_range
    assert net.optimizer == pylstm.SGD(alpha)
    assert (reading.label, reading.update) == ("written", "sequence")
    squashing = {"h1": "tanh_half", "g2": "two_tanh_half", "id": "identity", "g1": "logistic"}
    config = net._config()
    assert (config["cell_output"], config["cell_input"]) == (squashing[h], squashing[g])
    assert (config["output"], config["loss"]) == ("logistic", "squared")
    shortest = row.task.sample(3000, np.random.default_rng(1)).lengths.min()
    assert shortest == int(p) - (name[0] in "12")


@pytest.mark.parametrize("line", lines(OUTCOME), ids=lambda line: line[0])
def test_figures_are_those_of_the_paper(line):
    name, trials, success, sequences, st1, wrong, error = line
    row, paper = ROWS[name], ROWS[name].paper
    assert (row.trials, round(100 * paper.success)) == (int(trials), int(success))
    assert paper.sequences == int(sequences)
    assert paper.st1 == (None if st1 == "-" else int(st1))
    if wrong == "-":
        assert (paper.wrong, row.test) == (None, 0)
    else:
        count, _, of = wrong.partition("/")
        assert paper.wrong == pytest.approx(float(count) / int(of or 1))
        assert row.test == 2560
    assert paper.error == (None if error == "-" else float(error))


@pytest.mark.parametrize("name", OF_PAPER)
def test_task_and_stop_rule_are_those_of_the_paper(name):
    row = ROWS[name]
    assert row.task == of_row(TASKS, name)
    assert row.stop == of_row(STOPS, name)
    assert row.n_sets == (3 if name[0] == "1" else 0)
    assert row.limit == (5_000_000 if name[0] == "2" else 3 * row.paper.sequences)
    written = row.under(row.readings[0])
    assert written.task == row.task
    assert row.paper.sequences <= written.limit <= 3 * row.paper.sequences


@pytest.mark.parametrize("name", OF_PAPER)
def test_readings_are_told_apart(name):
    row = ROWS[name]
    labels = [reading.label for reading in row.readings]
    assert labels == [label for label in ("written", "nearest", "best") if label in labels]
    assert labels[0] == "written"
    for reading in row.readings[1:]:
        assert reading.differs
        assert row.network(reading)  # can be built


def test_row_under_a_reading_has_its_task_and_limit_or_its_own():
    other = QUICK.readings[0].but("nearest", "", task=tasks.Adding(), max_sequences=7)
    row = QUICK.under(other)
    assert (row.task, row.limit, row.stop) == (tasks.Adding(), 7, QUICK.stop)
    assert QUICK.under(QUICK.readings[0]) == QUICK


def test_trials_run_under_their_reading():
    reading = QUICK.readings[0].but(
        "nearest", "", task=replace(EASY, min_length=30), max_sequences=100
    )
    [result] = run_trials(QUICK, reading, [0])
    [same] = run_trials(
        replace(QUICK, task=reading.task, max_sequences=100), QUICK.readings[0], [0]
    )
    assert result.n_sequences == 100
    assert result.curve == same.curve


def test_rows_are_selected_by_name_and_by_beginning():
    def names(*given):
        return [row.name for row in select(given)]

    assert names() == names("1997") == [name for name in ROWS if name[:3] != "200"]
    assert names("2000", "2001", "2002") == [name for name in ROWS if name[:3] == "200"]
    assert names("2001-anbncn") == [f"2001-anbncn-{n}" for n in (10, 20, 30, 40, 50)]
    assert names("3b", "2c-9", "3b-2") == ["2c-9", "3b-1", "3b-2", "3b-3"]
    assert names("2") == [name for name in names() if name[0] == "2"]
    assert names("2a-rtrl-4") == ["2a-rtrl-4-1", "2a-rtrl-4-4", "2a-rtrl-4-10"]
    for wrong in ("7", "200", "1998", "2c-", "2c-10", "3a-", "", "6A", "2a-rtrl-", "lst"):
        with pytest.raises(InputError, match=rf"^row '{wrong}' given, wanted one of 1-1, "):
            names(wrong)


def test_rows_are_selected_by_method():
    of_lstm, others = select(["lstm"]), select(["competitors"])
    assert [row.name for row in of_lstm][:31] == OF_PAPER
    assert {row.method for row in others} == {*METHODS} - {"lstm"}
    assert sorted([*of_lstm, *others], key=list(ROWS.values()).index) == select([])
    assert {row.method for row in select(["rtrl", "rcc"])} == {"rtrl", "rcc"}


def test_trials_kept_before_there_were_other_methods_stay_valid():
    """Fingerprints as they were then."""
    before = {"2b": ["48ce67f5"], "3a-1": ["7a17ff86", "8a9ca674"],
              "6a": ["6b5375cd"]}  # fmt: skip
    for name, prints in before.items():
        readings = ROWS[name].readings[: len(prints)]
        assert [ROWS[name].fingerprint(reading) for reading in readings] == prints


def test_fingerprint_changes_with_whatever_may_change_the_outcome():
    row, reading = QUICK, QUICK.readings[0]
    changed = [
        (replace(row, task=replace(EASY, min_length=6)), reading),
        (replace(row, stop=replace(row.stop, n=201)), reading),
        (replace(row, test=101), reading),
        (replace(row, max_sequences=1), reading),
        (replace(row, n_sets=1), reading),
        (row, reading.but("nearest", "", n_blocks=3)),
        (row, reading.but("nearest", "", learning_rate=0.9)),
        (row, reading.but("nearest", "", momentum=0.1)),
        (row, reading.but("nearest", "", update="step")),
        (row, reading.but("nearest", "", task=replace(EASY, min_length=7))),
        (row, reading.but("nearest", "", max_sequences=2)),
        (row, replace(reading, method="rtrl")),
        (row, reading.but("nearest", "", optimizer=pylstm.Adam(1.0))),
        (row, reading.but("nearest", "", optimizer=pylstm.RMSprop(1.0))),
    ]
    prints = {row.fingerprint(replace(reading, label="written")) for row, reading in changed}
    assert len(prints) == len(changed)
    assert row.fingerprint(reading) not in prints
    assert row.fingerprint(replace(reading, differs="in words")) == row.fingerprint(reading)


# ---------------------------------------------------------------- stop rules


def followed(rule, answer):
    """Every request of a rule; answer(request, number of sequences so far) gives the answers."""
    watch, requests, n_seen, answers = rule.watch(), [], 0, None
    while True:
        try:
            request = watch.send(answers)
        except StopIteration:
            return requests
        requests.append(request)
        answers = None
        if isinstance(request, Train):
            n_seen += request.n
        if not isinstance(request, Mark):
            answers = answer(request, n_seen)
            assert len(answers.wrong) == request.n


def stopped_at(rule, wrong, error):
    """Training sequences until Recent is content with this history; None: it never is."""

    def answer(request, n_seen):
        if n_seen > len(wrong):
            raise EOFError
        part = slice(n_seen - request.n, n_seen)
        return Answers(wrong[part], error[part])

    try:
        return sum(request.n for request in followed(rule, answer))
    except EOFError:
        return None


def test_recent_needs_so_many_sequences():
    right, small = np.zeros(2100, bool), np.zeros(2100)
    assert stopped_at(Recent(), right, small) == 2000
    assert stopped_at(Recent(n=1901), right, small) == 2000
    assert stopped_at(Recent(), right[:1900], small[:1900]) is None


@pytest.mark.parametrize(
    ("allowed", "n_wrong", "stops"),
    [
        (0, 0, True),
        (0, 1, False),
        (139, 139, True),
        (139, 140, False),
        (12, 12, True),
        (12, 13, False),
    ],
)
def test_recent_counts_wrong_sequences(allowed, n_wrong, stops):
    wrong = np.zeros(2000, bool)
    wrong[np.random.default_rng(0).choice(2000, n_wrong, replace=False)] = True
    assert (stopped_at(Recent(wrong=allowed), wrong, np.zeros(2000)) == 2000) == stops


def test_recent_forgets_what_is_no_longer_recent():
    wrong = np.zeros(4000, bool)
    wrong[799] = True
    assert stopped_at(Recent(), wrong, np.zeros(4000)) == 2800
    wrong[800] = True
    assert stopped_at(Recent(), wrong, np.zeros(4000)) == 2900


@pytest.mark.parametrize(("mean", "stops"), [(0.0099, True), (0.01, False), (0.0101, False)])
def test_recent_bounds_the_mean_error(mean, stops):
    error = np.full(2000, 2 * mean)
    error[::2] = 0
    assert (stopped_at(Recent(error=0.01), np.zeros(2000, bool), error) == 2000) == stops


def test_recent_equals_looking_at_the_whole_history(rng):
    for _ in range(20):
        wrong, error = rng.random(400) < np.linspace(0.3, 0, 400), np.linspace(1, 0, 400)
        error = error * rng.random(400)
        rule = Recent(wrong=3, error=0.2, n=50, every=20)
        good = [
            n
            for n in range(60, 401, 20)
            if wrong[n - 50 : n].sum() <= 3 and error[n - 50 : n].mean() < 0.2
        ]
        assert stopped_at(rule, wrong, error) == (good[0] if good else None)


def exam(rule, *results):
    """Requests of a rule whose tests give so many wrong ones and this error, one after another."""
    results = iter(results)

    def answer(request, _):
        if isinstance(request, Train):
            return Answers(np.ones(request.n, bool), np.ones(request.n))
        n_wrong, error = next(results, (None, None))
        if n_wrong is None:
            raise EOFError
        return Answers(np.arange(request.n) < n_wrong, np.full(request.n, error))

    return followed(rule, answer)


def test_exam_asks_for_few_wrong_and_then_for_a_small_error():
    rule = Exam(wrong=5, error=0.04)
    again = [Train(500), Examine(256)]
    assert exam(rule, (6, 0.03), (5, 0.04), (6, 0.03), (5, 0.0399)) == [
        *again, *again, Mark("ST1"), *again, *again
    ]  # fmt: skip
    assert exam(rule, (0, 0.0)) == [*again, Mark("ST1")]
    # Never both at once.
    with pytest.raises(EOFError):
        exam(rule, (5, 0.04), (6, 0.0))


def test_exam_without_a_bound_of_the_error_marks_nothing():
    assert exam(Exam(n=512), (1, 9.0), (0, 9.0)) == 2 * [Train(500), Examine(512)]


def perfect(rule, training, tests):
    """Requests, given the training sequences that are wrong and the tests with a wrong answer."""
    n_tests = iter(range(10**6))

    def answer(request, n_seen):
        if isinstance(request, Train):
            wrong = np.isin(np.arange(n_seen - request.n, n_seen), training)
        else:
            wrong = np.arange(request.n) == (7 if next(n_tests) in tests else -1)
        return Answers(wrong, np.zeros(request.n))

    return followed(rule, answer)


def test_perfect_tests_in_parts_what_seems_right():
    tests = [Examine(500)] * 20
    assert perfect(Perfect(), [], []) == [Train(100), *tests]
    assert perfect(Perfect(recent=500), [], []) == [*[Train(100)] * 5, *tests]
    # The last wrong one just recent enough, and just not.
    assert perfect(Perfect(recent=500), [299], []) == [*[Train(100)] * 8, *tests]
    assert perfect(Perfect(recent=500), [300], []) == [*[Train(100)] * 9, *tests]
    assert perfect(Perfect(recent=150), [50, 149], []) == [*[Train(100)] * 3, *tests]
    assert perfect(Perfect(recent=150), [50, 150], []) == [*[Train(100)] * 4, *tests]


def test_perfect_gives_up_a_test_and_tries_again_later():
    requests = perfect(Perfect(), [], [0, 3])
    wait = [Train(100)] * 5
    assert requests == [
        Train(100),
        Examine(500),
        *wait,
        *[Examine(500)] * 3,
        *wait,
        *[Examine(500)] * 20,
    ]


# ---------------------------------------------------------------- trials


def same(one, other):
    """Whether two results are the same but for the time they took."""
    return asdict(replace(one, seconds=0)) == asdict(replace(other, seconds=0))


def results(row, trials, reading=0, seed=0):
    ended = {r.trial: r for r in run_trials(row, row.readings[reading], trials, seed)}
    assert sorted(ended) == sorted(trials)
    return ended


@pytest.mark.parametrize("name", ["quick", "exam", "perfect", "lag", "every-step", "sets"])
def test_trial_ends_the_same_in_whatever_group_it_runs(name):
    row = TINY[name]
    together = results(row, range(5))
    apart = {**results(row, [3, 0]), **results(row, [1]), **results(row, [4, 2])}
    for trial in range(5):
        assert same(together[trial], apart[trial])
    assert len({str(result.curve) for result in together.values()}) == 5  # no two alike
    if name != "sets":
        assert all(result.success for result in together.values())


@pytest.mark.parametrize(
    ("changes", "n_together"), [({"optimizer": pylstm.Adam(0.02)}, 16), ({"gradient": "bptt"}, 1)]
)
def test_trials_of_every_rule_learn_side_by_side_but_not_of_every_gradient(changes, n_together):
    reading = QUICK.readings[0].but("nearest", "", **changes)
    row = replace(QUICK, readings=(reading,))
    assert row.side_by_side(reading) == n_together
    together = results(row, range(3))
    for trial in range(3):
        assert same(together[trial], results(row, [trial])[trial])
    assert len({str(result.curve) for result in together.values()}) == 3


def test_trials_depend_on_seed_and_row():
    first = results(QUICK, [0])[0]
    assert same(first, results(QUICK, [0])[0])
    assert not same(first, results(QUICK, [0], seed=1)[0])
    assert not same(first, results(replace(QUICK, name="other"), [0])[0])


@pytest.mark.parametrize("row", [QUICK, EXAM], ids=["recent", "exam"])
def test_trial_equals_a_single_network_trained_by_hand(row):
    """One sequence after another, tests and final test included; the same but for rounding."""
    [result] = results(row, [3]).values()
    key = (crc32(row.name.encode()), 3)
    start, training, testing = map(
        np.random.default_rng, np.random.SeedSequence(0, spawn_key=key).spawn(3)
    )
    net = pylstm.LSTM(1, 1, **NETWORK, seed=start, optimizer=pylstm.SGD(1.0))

    def answered(n, generator, learn):
        sequences = EASY.sample(n, generator)
        errors = []
        for x, target in sequences:
            run = {"targets": target, "update": "sequence"} if learn else {}
            errors.append(abs(float(net.run(x, **run)[-1, 0]) - float(target[-1, 0])))
            net.reset()
        return errors

    seen, st1, success = [], None, None
    while success is None:
        seen += answered(row.stop.every, training, learn=True)
        if row is QUICK:
            last = seen[-200:]
            good = len(last) == 200 and max(last) < 0.2 and np.mean(last) < 0.1
        else:
            tested = answered(64, testing, learn=False)
            few = max(tested) <= 0.2
            st1 = len(seen) if few and st1 is None else st1
            good = few and np.mean(tested) < 0.05
        success = len(seen) if good else None
    final = answered(100, testing, learn=False)

    assert (result.success, result.n_sequences) == (success, success)
    assert result.marks == ({} if row is QUICK else {"ST1": st1})
    assert result.wrong == sum(error > 0.2 for error in final)
    assert result.error == pytest.approx(np.mean(final), rel=1e-3)
    for name, values in net.parameters.items():
        np.testing.assert_allclose(result.weights[name], values, rtol=0.02, atol=1e-3)
    curve = np.reshape(seen, (-1, result.curve["every"]))
    np.testing.assert_allclose(result.curve["error"], curve.mean(axis=1), rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(result.curve["wrong"], (curve > 0.2).mean(axis=1))


NOISY = replace(QUICK, task=tasks.TwoSequence(min_length=5, noise_on_targets=True))
RULES = {
    "noise on targets": (NOISY, Reading(NETWORK, 0.5)),
    "momentum": (NOISY, Reading(NETWORK, 0.3, momentum=0.6)),
    "every step": (EVERY_STEP, EVERY_STEP.readings[0]),
    "update after every step": (EVERY_STEP, replace(EVERY_STEP.readings[0], update="step")),
}


@pytest.mark.parametrize("case", list(RULES))
def test_learning_curve_is_that_of_a_single_network(case):
    """Errors against the targets without noise; per sequence the mean over its steps."""
    row, reading = RULES[case]
    row = replace(row, readings=(reading,), max_sequences=200)
    [result] = results(row, [0]).values()
    key = (crc32(row.name.encode()), 0)
    start, training, _ = map(
        np.random.default_rng, np.random.SeedSequence(0, spawn_key=key).spawn(3)
    )
    rule = pylstm.SGD(reading.learning_rate, momentum=reading.momentum)
    net = pylstm.LSTM(
        row.task.n_inputs, row.task.n_outputs, **reading.network, seed=start, optimizer=rule
    )
    errors = []
    for _ in range(4):
        sequences = row.task.sample(50, training)
        for k, (x, target) in enumerate(sequences):
            outputs = net.run(x, target, update=reading.update)
            net.reset()
            if row.task.last:
                errors.append(abs(outputs[-1] - sequences.clean[k]).mean())
            else:
                errors.append(abs(outputs - target).mean())
    expected = np.reshape(errors, (4, 50)).mean(axis=1)
    np.testing.assert_allclose(result.curve["error"], expected, rtol=1e-3)


def test_readings_of_a_row_see_the_same_sequences_and_start_alike():
    """So a reading that is the same under another name ends the same."""
    row = replace(QUICK, readings=(QUICK.readings[0], QUICK.readings[0].but("best", "nothing")))
    assert same(results(row, [1])[1], results(row, [1], reading=1)[1])


def test_trial_that_learns_too_slowly_fails_at_the_limit():
    [result] = results(tiny_rows.UNSOLVED, [0]).values()
    assert (result.success, result.n_sequences) == (None, 150)
    assert (result.wrong, result.error, result.weights) == (None, None, None)
    assert len(result.curve["error"]) == 3


def test_trial_that_succeeds_at_the_limit_has_succeeded():
    success = results(QUICK, [0])[0].success
    assert results(replace(QUICK, max_sequences=success), [0])[0].success == success
    assert results(replace(QUICK, max_sequences=success - 50), [0])[0].success is None


def test_trial_that_diverges_fails():
    reading = Reading({**NETWORK, "output": "identity"}, 1e30)
    [result] = results(replace(QUICK, readings=(reading,)), [0]).values()
    assert result.success is None
    assert result.n_sequences < 1000


def test_fixed_sets_are_shared_by_every_other_trial():
    """Two pairs of sets: the sequences of trials 0 and 2 come from one, those of 1 from another."""
    trained, tested = [], []

    class Spy(tasks.EmbeddedReber):
        def wrong(self, outputs, sequences):
            seen = trained if len(sequences) == 100 else tested
            seen.append([tuple(x) for x, _ in sequences])
            return super().wrong(outputs, sequences)

    results(replace(SETS, task=Spy(), max_sequences=100), [0, 1, 2])
    # The sets are tested in parts, each for one trial after another.
    a, b, c = ([x for part in tested[k::3] for x in part] for k in range(3))
    assert len(a) == 512
    assert a == c != b
    assert not set(a[:256]) & set(a[256:])
    for of_trial, sets in zip(trained, (a, b, c), strict=True):
        assert set(of_trial) <= set(sets[:256])
    assert trained[0] != trained[2]


def test_curve_has_the_means_of_its_intervals(rng):
    values = rng.random((1000, 2))
    curve = Curve(every=50, max_points=8)
    for n, (error, wrong) in enumerate(values, start=1):
        curve.add(error, wrong)
        width = curve.every // 50
        assert len(curve.error) == n // width <= 8
        means = values[: n // width * width].reshape(-1, width, 2).mean(axis=1)
        np.testing.assert_allclose(np.transpose([curve.error, curve.wrong]), means)
    assert curve.every == 50 * 128


def test_mean_length_is_always_the_same():
    assert mean_length(tasks.LongLag(5, 10)) == mean_length(tasks.LongLag(5, 10))


# ---------------------------------------------------------------- what it comes to


@pytest.mark.parametrize(("successes", "share", "reached", "verdict"), [
    ([1000, 1000], 1.0, True, "yes: as many succeed, sooner"),
    ([900, 1102], 1.0, False, "no: as many succeed, later"),
    ([10, None], 1.0, False, "no: fewer succeed, sooner"),
    ([10, None], 0.5, True, "yes: as many succeed, sooner"),
    ([10, 20, None], 0.5, True, "yes: more succeed, sooner"),
    ([10, None, None], 0.5, False, "no: fewer succeed, sooner"),
    ([None], 0.5, False, "no: none succeeds"),
    ([None], None, False, "no: none succeeds"),
    ([1000, None], None, True, "yes: some succeed, sooner"),
    ([1001, None], None, False, "no: some succeed, later"),
])  # fmt: skip
def test_reached_is_the_share_of_the_paper_after_no_more_sequences(
    successes, share, reached, verdict
):
    summary = made_up(successes, Paper(success=share, sequences=1000))
    assert (summary.reached, summary.verdict) == (reached, verdict)


@pytest.mark.parametrize(("paper", "successes", "verdict"), [
    (Paper(success=0.0, not_within=5000), [None, None], "fails, as in the paper"),
    (Paper(success=0.0), [None], "fails, as in the paper"),
    (Paper(success=0.0), [None, 100], "learns, but failed in the paper"),
    (NO_FIGURES, [None], "-"),
    (NO_FIGURES, [100], "-"),
])  # fmt: skip
def test_where_the_paper_has_no_success_there_is_nothing_to_be_reached(paper, successes, verdict):
    summary = made_up(successes, paper)
    assert (summary.reached, summary.verdict) == (None, verdict)


def made_up(successes, paper):
    """A summary of trials that ended so."""
    template = results(tiny_rows.UNSOLVED, [0])[0]
    row = replace(QUICK, paper=paper)
    ended = tuple(replace(template, trial=k, success=n) for k, n in enumerate(successes))
    return Summary(row, row.readings[0], ended)
