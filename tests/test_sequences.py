"""Many sequences in one call are the loop of resets and runs; net by net, in a population."""

from dataclasses import replace

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    assert_same_future,
    assert_same_model,
    get_parameters,
    random_task,
)
from nets import build as build_net
from oracle import Architecture
from test_population import assert_same_population, build

import pylstm

UPDATES = ["sequence", "step", 3]
PRESENCES = ["everywhere", "sparse", "last", "none"]
#: Longer than what is recorded at once, twice.
LONG = 300


def loop(net, X, targets, lengths, last=False, update="sequence"):
    """What run_sequences is to equal, one sequence after the other."""
    outputs, start = [], 0
    for s, length in enumerate(lengths):
        part = slice(start, start + length)
        start += length
        wanted = None
        if targets is not None:
            wanted = targets[part]
            if last:
                wanted = np.full((length, targets.shape[1]), np.nan, targets.dtype)
                wanted[-1] = targets[s]
        net.reset()
        Y = net.run(X[part], wanted, update=update)
        outputs.append(Y[-1:] if last else Y)
    net.reset()
    return np.concatenate(outputs)


def random_lengths(rng, n_sequences, longest=12):
    return rng.integers(1, longest + 1, n_sequences)


def random_sequences(architecture, lengths, rng, presence="sparse", tokens=False):
    """X and targets of sequences one behind the other, and whether only the last steps have one."""
    n_steps = int(np.sum(lengths))
    X, targets = random_task(architecture, max(n_steps, 1), rng, "dense")
    if tokens:
        X = rng.integers(0, architecture.n_inputs, n_steps)
    if presence == "last":
        targets = targets[: len(lengths)]
        targets[rng.random(len(lengths)) < 0.2] = np.nan
    elif presence == "sparse":
        targets[rng.random(n_steps) < 0.7] = np.nan
    return X, None if presence == "none" else targets, presence == "last"


def padded(rows, rng, width):
    """Rows of different lengths as one array, garbage behind them."""
    longest = max(map(len, rows)) + 2
    array = rng.uniform(5, 9, (len(rows), longest, *rows[0].shape[1:]))
    if rows[0].dtype.kind == "i":
        array = rng.integers(0, width, (len(rows), longest))
    for k, row in enumerate(rows):
        array[k, : len(row)] = row
    return array


def random_crowd(architecture, n_nets, rng, presence, longest=12, n_sequences=4, tokens=False):
    """Arguments of run_sequences for a population, and those of each net alone."""
    lengths = np.stack([random_lengths(rng, n_sequences, longest) for _ in range(n_nets)])
    alone = [random_sequences(architecture, row, rng, presence, tokens) for row in lengths]
    X = padded([X for X, _, _ in alone], rng, architecture.n_inputs)
    targets, last = None, presence == "last"
    if presence != "none":
        rows = [targets for _, targets, _ in alone]
        targets = np.stack(rows) if last else padded(rows, rng, 0)
    single = [(X, T, n, last) for (X, T, _), n in zip(alone, lengths, strict=True)]
    return (X, targets, lengths), last, single


def calm(population, nets, by):
    """Rates for long sequences: the error of one step is not to carry the next away."""
    optimizers = [
        pylstm.SGD(o.learning_rate / by, momentum=o.momentum) for o in population.optimizer
    ]
    population.optimizer = optimizers
    for net, optimizer in zip(nets, optimizers, strict=True):
        net.optimizer = optimizer


def assert_crowd_agrees(population, nets, Y, wanted, rtol):
    for k, (net, y) in enumerate(zip(nets, wanted, strict=True)):
        np.testing.assert_allclose(Y[k, : len(y)], y, rtol=rtol, atol=rtol)
        assert np.isnan(Y[k, len(y) :]).all()
        mine = {name: values[k] for name, values in population.parameters.items()}
        assert_close(mine, get_parameters(net), rtol, floor=1e-2)
    np.testing.assert_array_equal(population.n_steps, [net.n_steps for net in nets])
    assert all((values == 0).all() for values in population.state.values())


# ---------------------------------------------------------------- one network


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("presence", PRESENCES)
def test_one_network_is_the_loop(architecture, dtype, update, presence, rng):
    tokens = rng.random() < 0.5
    one, other = (build_net(architecture, dtype, momentum=0.5) for _ in range(2))
    lengths = np.r_[random_lengths(rng, 5), 150, 1]
    X, targets, last = random_sequences(architecture, lengths, rng, presence, tokens)
    x = random_task(architecture, 1, rng)[0][0]
    for net in (one, other):  # something collected and not yet applied
        net.step(x)
        net.learn(np.full(architecture.n_outputs, 1 / architecture.n_outputs), update=False)
    Y = one.run_sequences(X, targets, lengths, last=last, update=update)
    assert_same_bits(Y, loop(other, X, targets, lengths, last, update))
    assert one.n_steps == other.n_steps
    assert_same_future(one, other, architecture)


def test_without_lengths_all_is_one_sequence(dtype, rng):
    X, targets = random_task(NETS["default"], 20, rng)
    nets = [build_net(NETS["default"], dtype) for _ in range(2)]
    Y = nets[0].run_sequences(X, targets)
    assert_same_bits(Y, nets[1].run(X, targets, update="sequence"))
    population = pylstm.Population.from_nets([nets[0]])
    nets[1].reset()
    assert_same_model(*nets)
    Y = population.run_sequences(X, targets)
    np.testing.assert_allclose(Y[0], nets[0].run(X), rtol=1e-3, atol=1e-5)


def test_a_network_that_diverges_says_when():
    net = pylstm.LSTM(1, 1, 2, optimizer=pylstm.SGD(1e30))
    with pytest.raises(FloatingPointError, match="diverged at step"):
        net.run_sequences(np.ones((40, 1)), np.ones((10, 1)), [4] * 10, last=True)


# ---------------------------------------------------------------- a population, net by net


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("presence", PRESENCES)
def test_every_net_is_its_single_net(architecture, dtype, update, presence, rng):
    tokens = rng.random() < 0.5
    population, nets = build(architecture, 9, dtype, momentum=0.5)
    arguments, last, single = random_crowd(architecture, 9, rng, presence, tokens=tokens)
    for _ in range(2):
        Y = population.run_sequences(*arguments, last=last, update=update)
        wanted = [loop(net, *each, update) for net, each in zip(nets, single, strict=True)]
        assert_crowd_agrees(population, nets, Y, wanted, 1e-3 if dtype == "float32" else 1e-10)


def test_every_combination(combination, rng):
    """Every switch combination in float64, some of the sequences longer than a chunk."""
    unbounded = combination.cell_input == combination.cell_output == "identity"
    presence = PRESENCES[rng.integers(3)]
    population, nets = build(combination, 3, momentum=rng.choice([0.0, 0.8]))
    calm(population, nets, 30)
    arguments, last, single = random_crowd(
        combination,
        3,
        rng,
        presence,
        LONG if rng.random() < 0.3 and not unbounded else 9,
        3,
        rng.random() < 0.3,
    )
    Y = population.run_sequences(*arguments, last=last)
    wanted = [loop(net, *each) for net, each in zip(nets, single, strict=True)]
    assert_crowd_agrees(population, nets, Y, wanted, 1e-10)


@pytest.mark.parametrize("presence", PRESENCES[:3])
@pytest.mark.parametrize("n_nets", [1, 17])
def test_long_sequences(architecture, presence, n_nets, rng):
    tokens = rng.random() < 0.5
    population, nets = build(architecture, n_nets)
    calm(population, nets, 30)
    arguments, last, single = random_crowd(
        architecture, n_nets, rng, presence, LONG, 3, tokens=tokens
    )
    Y = population.run_sequences(*arguments, last=last)
    wanted = [loop(net, *each) for net, each in zip(nets, single, strict=True)]
    assert_crowd_agrees(population, nets, Y, wanted, 1e-10)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_what_was_collected_before_is_applied_with_the_first_update(
    architecture, momentum, update, rng
):
    """By nets 0 and 1 of three; a step without target is still to be learned from by net 1."""
    population, nets = build(architecture, 3, momentum=momentum)
    arguments, last, single = random_crowd(architecture, 3, rng, "last")
    arguments[1][2] = np.nan
    single[2][1][...] = np.nan
    X, targets = random_task(architecture, 4, rng, "dense")
    population.run(X, targets, update=9, nets=[0, 1, 2])
    population.reset(nets=[0])
    population.update(nets=[2])
    for net in nets:
        net.run(X, targets, update=9)
    nets[0].reset()
    nets[2].update()
    Y = population.run_sequences(*arguments, last=last, update=update)
    wanted = [loop(net, *each, update) for net, each in zip(nets, single, strict=True)]
    assert_crowd_agrees(population, nets, Y, wanted, 1e-10)
    for net in (population, *nets):
        net.run(X, targets, update=3)
    for k, net in enumerate(nets):
        mine = {name: values[k] for name, values in population.parameters.items()}
        assert_close(mine, get_parameters(net), 1e-9, floor=1e-2)


# ---------------------------------------------------------------- neighbours


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("presence", PRESENCES)
def test_company_changes_no_bit(architecture, dtype, update, presence, rng):
    """A net alone, and the same net among others with other sequences, longer and shorter."""
    tokens = rng.random() < 0.5
    crowd, _ = build(architecture, 20, dtype, momentum=0.5 * (update == 3))
    longest = 200 if update == "sequence" and presence != "none" else 12
    arguments, last, _ = random_crowd(architecture, 20, rng, presence, longest, 2, tokens)
    X, targets, lengths = arguments
    if targets is not None:
        targets[7] = np.nan
    alone = [pylstm.Population.from_nets([crowd[k]]) for k in (6, 7, 17)]
    Y = crowd.run_sequences(X, targets, lengths, last=last, update=update)
    for k, one in zip((6, 7, 17), alone, strict=True):
        mine = slice(k, k + 1)
        T = None if targets is None else targets[mine]
        y = one.run_sequences(X[mine], T, lengths[mine], last=last, update=update)
        assert_same_bits(Y[mine], y)
        assert_same_bits(
            {name: v[mine] for name, v in crowd.parameters.items()}, dict(one.parameters)
        )


@pytest.mark.parametrize("update", UPDATES)
def test_chosen_nets_take_part_and_the_others_keep_every_bit(architecture, dtype, update, rng):
    population, _ = build(architecture, 20, dtype, momentum=0.5)
    X, targets = random_task(architecture, 6, rng, "dense")
    population.run(X, targets, update=4)
    before = population.copy()
    nets = [18, 3, 4]
    arguments, last, _ = random_crowd(architecture, 3, rng, "last")
    Y = population.run_sequences(*arguments, last=last, update=update, nets=nets)
    each = before.copy()
    for j, k in enumerate(nets):
        part = [array[j : j + 1] for array in arguments]
        assert_same_bits(
            Y[j : j + 1], each.run_sequences(*part, last=last, update=update, nets=[k])
        )
    assert_same_population(population, each)
    others = np.setdiff1d(np.arange(20), nets)
    for one in (population, before):
        one.reset(nets=nets)
        one.set_parameters(
            {name: values[nets] for name, values in before.parameters.items()}, nets=nets
        )
    assert_same_bits(population.run(X[:, :], nets=others), before.run(X, nets=others))
    assert_same_bits(
        {name: v[others] for name, v in population.parameters.items()},
        {name: v[others] for name, v in before.parameters.items()},
    )
    for one in (population, before):
        one.run(X, targets, nets=others)
    assert_same_bits(
        {name: v[others] for name, v in population.parameters.items()},
        {name: v[others] for name, v in before.parameters.items()},
    )


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("last", [False, True])
def test_divergence_is_a_private_matter(dtype, update, last, rng):
    """Nets 3 and 17 blow up; the others keep their bits, and outputs are those of the loop."""
    architecture = Architecture(cell_output="identity", forget_gate=False)
    rates = np.full(18, 0.01)
    rates[[3, 17]] = np.sqrt(np.finfo(dtype).max)
    ill, looped, healthy = (
        pylstm.Population(
            18, **architecture.keywords(), dtype=dtype, optimizer=list(map(pylstm.SGD, each))
        )
        for each in (rates, rates, np.full(18, 0.01))
    )
    arguments, last, _ = random_crowd(
        architecture, 18, rng, "last" if last else "everywhere", 12, 20
    )
    X, targets, lengths = arguments
    well = np.setdiff1d(np.arange(18), [3, 17])
    Y = ill.run_sequences(*arguments, last=last, update=update)
    assert_same_bits(Y[well], healthy.run_sequences(*arguments, last=last, update=update)[well])
    assert np.flatnonzero(ill.diverged).tolist() == [3, 17]
    assert_same_bits(*({k: v[well] for k, v in p.parameters.items()} for p in (ill, healthy)))
    for k in (3, 17):
        start = 0
        for s, n in enumerate(lengths[k]):
            part = slice(start, start + n)
            start += n
            wanted = targets[k, part]
            if last:
                wanted = np.full((n, architecture.n_outputs), np.nan)
                wanted[-1] = targets[k, s]
            looped.reset(nets=[k])
            y = looped.run(X[k, part], wanted, update=update, nets=[k])[0]
            mine = Y[k, s : s + 1] if last else Y[k, part]
            if not last or update != "sequence":  # else only last outputs are ever looked at
                np.testing.assert_array_equal(np.isnan(mine), np.isnan(y[-1:] if last else y))
    if not last or update != "sequence":
        assert looped.n_steps[[3, 17]].tolist() == ill.n_steps[[3, 17]].tolist()


@pytest.mark.parametrize("update", UPDATES)
def test_sequences_that_diverge_count_as_their_runs(dtype, update):
    """The flags, the steps counted and the outputs that are NaN are those of resets and runs."""
    n_diverged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        whole = pylstm.Population(3, 1, 1, 1, dtype=dtype, optimizer=pylstm.SGD(0.05))
        parts = whole.copy()
        lengths = rng.integers(1, 6, 5)
        exponent = rng.integers(30, 38) if dtype == "float32" else rng.integers(150, 308)
        X = rng.normal(size=(3, lengths.sum(), 1))
        targets = rng.normal(size=X.shape)
        targets[1, rng.integers(lengths.sum())] *= 10.0**exponent
        Y = whole.run_sequences(X, targets, lengths, update=update)
        ends = np.cumsum(lengths)
        for start, end in zip(ends - lengths, ends, strict=True):
            parts.reset()
            y = parts.run(X[:, start:end], targets[:, start:end], update)
            np.testing.assert_array_equal(np.isnan(Y[:, start:end]), np.isnan(y))
        n_diverged += np.isnan(Y).any()
        assert whole.n_steps.tolist() == parts.n_steps.tolist()
        parts.reset()
        assert whole.diverged.tolist() == parts.diverged.tolist()
    assert n_diverged > 5


def test_a_net_that_had_diverged_comes_back_with_its_next_sequence(rng):
    """Its weights are finite: only its state had run away."""
    architecture = Architecture(
        n_inputs=1, n_outputs=1, n_blocks=1, cell_input="identity", cell_output="identity",
        input_gate=False, forget_gate=False, output_gate=False, cell_recurrence=False,
        hidden_bias="none",
    )  # fmt: skip
    population, nets = build(architecture, 2, "float32")
    population.set_parameters({"cell_input": np.ones((2, 1, 1))})
    nets[1].parameters["cell_input"][...] = 1
    X = np.ones((2, 7, 1), np.float32)
    X[1, 1:3] = 3e38
    Y = population.run_sequences(X, lengths=[4, 3])
    assert np.isnan(Y[1, 3]).all()
    assert np.isfinite(Y[1, 4:]).all()
    assert np.isfinite(Y[0]).all()
    assert not population.diverged.any()
    np.testing.assert_allclose(Y[1, 4:], nets[1].run(X[1, 4:]), rtol=1e-4)


BARE = Architecture(
    n_inputs=1, n_outputs=1, n_blocks=1, cell_input="identity", cell_output="identity",
    input_gate=False, forget_gate=False, output_gate=False, hidden_bias="none",
)  # fmt: skip


def test_a_state_that_would_run_away_after_the_end_does_not(rng):
    """Net 0 grows ten thousandfold a step; its sequence is over long before that of net 1."""
    both = pylstm.Population(2, **BARE.keywords())
    weights = np.float32([[[1.0, 1e4]], [[0.1, 0.1]]])
    both.set_parameters({"cell_input": weights})
    alone = pylstm.Population.from_nets([both[0]])
    X = rng.uniform(-1, 1, (2, 60, 1))
    targets = 1e-9 * rng.uniform(-1, 1, (2, 1, 1))
    Y = both.run_sequences(X, targets, [[3], [60]], last=True)
    assert_same_bits(Y[:1], alone.run_sequences(X[:1], targets[:1], [3], last=True))
    assert np.isfinite(both.parameters["cell_input"]).all()
    assert_same_bits({k: v[:1] for k, v in both.parameters.items()}, dict(alone.parameters))


def test_traces_that_overflow_matter_only_to_errors_of_their_own(rng):
    """Net 0 has its error before they do; net 1 has one in another chunk."""
    both = pylstm.Population(2, **replace(BARE, cell_recurrence=False).keywords())
    both.set_parameters({"cell_input": np.float32([[[1e-38]], [[0.1]]])})
    alone = pylstm.Population.from_nets([both[0]])
    X = rng.uniform(-1, 1, (2, LONG, 1))
    X[0, 1:4] = 3e38
    targets = np.full((2, LONG, 1), np.nan)
    targets[0, 0] = targets[1, -1] = 1
    Y = both.run_sequences(X, targets)
    assert_same_bits(Y[:1], alone.run_sequences(X[:1], targets[:1]))
    assert np.isfinite(both.parameters["cell_input"]).all()
    assert_same_bits({k: v[:1] for k, v in both.parameters.items()}, dict(alone.parameters))


# ---------------------------------------------------------------- what comes in


@pytest.mark.parametrize("presence", ["everywhere", "last"])
def test_shared_by_all(dtype, presence, rng):
    architecture = NETS["default"]
    lengths = random_lengths(rng, 4)
    for tokens in (False, True):
        X, targets, last = random_sequences(architecture, lengths, rng, presence, tokens)
        one, other = (build(architecture, 17, dtype)[0] for _ in range(2))
        repeated = [np.repeat(values[None], 17, axis=0) for values in (X, targets, lengths)]
        Y = one.run_sequences(X, targets, lengths, last=last)
        assert_same_bits(Y, other.run_sequences(*repeated, last=last))
        assert_same_population(one, other)


@pytest.mark.parametrize("update", UPDATES)
def test_tokens_are_one_hot_vectors(architecture, dtype, update, rng):
    by_token, by_vector = (build(architecture, 17, dtype)[0] for _ in range(2))
    arguments, last, _ = random_crowd(architecture, 17, rng, "sparse", tokens=True)
    X, targets, lengths = arguments
    vectors = np.eye(architecture.n_inputs)[X]
    Y = by_token.run_sequences(X, targets, lengths, last=last, update=update)
    wanted = by_vector.run_sequences(vectors, targets, lengths, last=last, update=update)
    rtol = 1e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(Y, wanted, rtol=rtol, atol=rtol)
    for name, values in by_token.parameters.items():
        np.testing.assert_allclose(values, by_vector.parameters[name], rtol=rtol, atol=rtol)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u4", "i8", "u8", ">i4"])
def test_every_integer_dtype(kind, rng):
    X = rng.integers(0, 3, (2, 20)).astype(kind)
    wanted = build(NETS["default"], 2)[0].run_sequences(np.eye(3)[X.astype(int)], lengths=[9, 11])
    lengths = np.array([9, 11]).astype(kind)
    for tokens in (X, np.repeat(X, 2, axis=1)[:, ::2], X.tolist()):
        Y = build(NETS["default"], 2)[0].run_sequences(tokens, lengths=lengths)
        np.testing.assert_allclose(Y, wanted, rtol=1e-10)


def test_inputs_are_never_modified(rng):
    architecture = NETS["default"]
    arguments, last, _ = random_crowd(architecture, 3, rng, "sparse")
    before = [np.copy(array) for array in arguments]
    for array in arguments:
        array.flags.writeable = False
    build(architecture, 3)[0].run_sequences(*arguments, last=last)
    for array, was in zip(arguments, before, strict=True):
        assert_same_bits(array, was)


def test_padding_may_be_out_of_the_domain_of_the_loss(rng):
    architecture = NETS["softmax"]
    population, _ = build(architecture, 3)
    arguments, last, _ = random_crowd(architecture, 3, rng, "everywhere")
    population.run_sequences(*arguments, last=last)
    X, targets, lengths = arguments
    targets[1, lengths[1].sum() - 1] = 2
    with pytest.raises(ValueError, match=r"targets at 1, .* is \[2.0.*from 0 to 1"):
        population.run_sequences(X, targets, lengths)


def test_no_sequence_at_all():
    population, _ = build(NETS["default"], 3)
    net = pylstm.LSTM(3, 2, 4)
    for lengths in (None, []):
        assert net.run_sequences(np.zeros((0, 3)), lengths=lengths).shape == (0, 2)
        assert net.run_sequences(np.zeros(0, int), np.zeros((0, 2)), [], last=True).shape == (0, 2)
        assert population.run_sequences(np.zeros((3, 0, 3)), lengths=lengths).shape == (3, 0, 2)
    assert population.run_sequences(np.zeros((0, 5, 3)), nets=[]).shape == (0, 5, 2)
    Y = population.run_sequences(np.zeros((5, 3)), lengths=np.zeros((3, 0), int))
    assert np.isnan(Y).all()


X, T = np.zeros((5, 3)), np.zeros((5, 2))
BAD = {
    "zero": ((X, T, [5, 0]), "lengths contains 0, wanted at least 1"),
    "negative": ((X, T, [6, -1]), "lengths contains -1"),
    "long": ((X, T, [6]), "lengths contains 6, wanted at most the 5 steps"),
    "sum": ((X, T, [3, 3]), "lengths sum to 6"),
    "float": ((X, T, [2.0, 3.0]), "lengths has dtype float64"),
    "bool": ((X, T, [True] * 5), "lengths has dtype bool"),
    "shape": ((X, T, [[[5]]]), r"lengths has .*shape \(1, 1, 1\)"),
    "number": ((X, T, 5), r"lengths has .*shape \(\)"),
    "targets": ((X, T[:4], [5]), "targets has"),
    "nan": ((X * np.nan, T, [5]), "X contains nan"),
    "width": ((X[:, :2], T, [5]), r"X has shape \(5, 2\)"),
    "token": (([0, 1, 2, 3, 1], T, [5]), "tokens has value 3"),
    "token < 0": (([0, 1, -2, 2, 1], T, [5]), "tokens has value -2"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case):
    arguments, words = BAD[case]
    population, _ = build(NETS["default"], 2)
    net = pylstm.LSTM(3, 2, 4)
    before, undisturbed = population.copy(), net.copy()
    for model in (population, net):
        with pytest.raises(ValueError, match=words):
            model.run_sequences(*arguments)
    assert_same_population(population, before)
    assert_same_model(net, undisturbed)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: p.run_sequences(X, T, [2, 2], update="day"), ValueError, "update is 'day'"),
        (lambda p: p.run_sequences(X, T, [2, 2], last=True), ValueError, "targets has shape"),
        (lambda p: p.run_sequences(X, T, [[5], [4], [3]]), ValueError, "lengths has dtype"),
        (lambda p: p.run_sequences(X, T, [[5, 1], [4, 1]]), ValueError, "lengths sum to 6"),
        (lambda p: p.run_sequences(np.zeros((3, 5), int)), ValueError, "tokens has shape"),
        (lambda p: p.run_sequences(np.full((2, 5), 3)), ValueError, "value 3 at 0, 0"),
        (lambda p: p.run_sequences(X, T, [5], nets=[2]), IndexError, "nets contains 2"),
        (lambda p: p.run_sequences(X.astype(object)), TypeError, "dtype object"),
    ],
)
def test_population_refuses(call, error, words):
    population, _ = build(NETS["default"], 2)
    before = population.copy()
    with pytest.raises(error, match=words):
        call(population)
    assert_same_population(population, before)


def test_a_single_net_wants_all_steps_in_sequences():
    with pytest.raises(ValueError, match="lengths sum to 4, wanted the 5 steps"):
        pylstm.LSTM(3, 2, 4).run_sequences(X, T, [2, 2])


def test_threads_do_not_change_the_bits(rng):
    architecture = NETS["1997"]
    arguments, last, _ = random_crowd(architecture, 70, rng, "last", 60, 20)
    populations = [build(architecture, 70, "float32")[0] for _ in range(2)]
    before = pylstm.get_threads()
    outputs = []
    for population, n_threads in zip(populations, (1, 2), strict=True):
        pylstm.set_threads(n_threads)
        outputs.append(population.run_sequences(*arguments, last=last))
    pylstm.set_threads(before)
    assert_same_bits(*outputs)
    assert_same_population(*populations)
