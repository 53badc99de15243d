"""`fit`: passes of `run_sequences` in orders of its own, watched and stopped."""

import numpy as np
import pytest
from nets import assert_same_bits

import pylstm

LENGTHS = [3, 1, 4, 2]
ENDS = np.cumsum(LENGTHS)


@pytest.fixture(params=["LSTM", "Streams"])
def make(request):
    def network(**switches):
        net = pylstm.LSTM(2, 1, 3, optimizer=pylstm.SGD(0.1), **switches)
        return net if request.param == "LSTM" else pylstm.Streams(net, 2)

    return network


def weights(model):
    return (model if isinstance(model, pylstm.LSTM) else model.net).parameters


def parts(values):
    return [values[end - n : end] for n, end in zip(LENGTHS, ENDS, strict=True)]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("update", ["sequence", "step"])
def test_passes_are_runs_over_sequences_in_new_orders(make, last, update, rng):
    X, T = rng.normal(size=(10, 2)), rng.normal(size=4 if last else 10)
    T[2] = np.nan
    model, twin = make(), make()
    curves = model.fit(X, T, LENGTHS, n_epochs=3, last=last, update=update, seed=7)
    orders = np.random.default_rng(7)
    assert curves.validation == []
    for loss in curves.training:
        order = orders.permutation(4)
        x = np.concatenate([parts(X)[k] for k in order])
        t = T[order] if last else np.concatenate([parts(T)[k] for k in order])
        _, losses = twin.run_sequences(
            x, t, np.array(LENGTHS)[order], last=last, update=update, return_loss=True
        )
        assert loss == pytest.approx(np.nanmean(losses))
    assert_same_bits(weights(model), weights(twin))


def test_an_order_that_stays(make, rng):
    X, T = rng.normal(size=(10, 2)), rng.normal(size=10)
    model, twin = make(), make()
    model.fit(X, T, LENGTHS, n_epochs=2, shuffle=False)
    for _ in range(2):
        twin.run_sequences(X, T, LENGTHS)
    assert_same_bits(weights(model), weights(twin))


def test_validation_changes_nothing(make, rng):
    X, T = rng.normal(size=(10, 2)), rng.normal(size=10)
    model, twin = make(), make()
    for some in (model, twin):
        net = some if isinstance(some, pylstm.LSTM) else some.net
        net.step(X[0])
        net.learn(0.5, update=False)  # collected, not applied
    curves = model.fit(X, T, LENGTHS, n_epochs=2, validation=(X[:4], T[:4], [3, 1]))
    twin.fit(X, T, LENGTHS, n_epochs=2)
    assert_same_bits(weights(model), weights(twin))
    Y = twin.copy().run_sequences(X[:4], lengths=[3, 1])[:, 0]
    assert curves.validation[-1] == pytest.approx(np.mean(0.5 * (Y - T[:4]) ** 2), rel=1e-5)


def test_patience_stops_and_takes_back_the_best(make, rng):
    """What is validated is the contrary of what is learned: the first pass is the best."""
    X = rng.normal(size=(10, 2))
    model, twin = make(), make()
    how = {"shuffle": False, "validation": (X, np.full(10, -1.0), LENGTHS)}
    curves = model.fit(X, np.ones(10), LENGTHS, n_epochs=50, patience=3, **how)
    assert len(curves.training) == len(curves.validation) == 4
    assert curves.validation[0] == min(curves.validation)
    twin.fit(X, np.ones(10), LENGTHS, n_epochs=1, shuffle=False)
    assert_same_bits(weights(model), weights(twin))


def test_patience_goes_by_the_training_loss_without_validation(make, rng):
    X, T = rng.normal(size=(10, 2)), np.full(10, np.nan)
    assert len(make().fit(X, T, LENGTHS, patience=2).training) == 2  # nothing is learned
    assert len(make().fit(X, np.ones(10), LENGTHS, patience=2, n_epochs=5).training) == 5


def test_a_callback_sees_every_pass_and_may_stop(make, rng):
    X, T = rng.normal(size=(10, 2)), rng.normal(size=10)
    seen = []

    def callback(epoch, curves):
        seen.append((epoch, len(curves.training)))
        return epoch == 2

    make().fit(X, T, LENGTHS, n_epochs=9, callback=callback)
    assert seen == [(0, 1), (1, 2), (2, 3)]


def test_tokens_in_tokens_out():
    tokens = np.tile([0, 1, 2, 1], 50)
    for streams in (False, True):
        net = pylstm.LSTM(3, 3, 8, output="softmax", optimizer=pylstm.Adam(0.02))
        model = pylstm.Streams(net, 4) if streams else net
        lengths = [19] * 10 + [9]
        curves = model.fit(tokens[:-1], tokens[1:], lengths, n_epochs=40)
        assert curves.training[-1] < 0.2 * curves.training[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_epochs": 0}, "n_epochs is 0, wanted a whole number of at least 1"),
        ({"patience": 0}, "patience is 0, wanted a whole number of at least 1"),
        ({"shuffle": 3}, "shuffle is 3, wanted True or False"),
        ({"seed": -1}, "seed is -1, wanted a whole number of at least 0"),
        ({"lengths": [3, 1]}, "lengths sum to 4, wanted the 10 steps of X"),
        ({"targets": np.ones(9)}, r"targets has shape \(9,\), wanted one for each of 10 steps"),
        ({"last": True}, r"targets has shape \(10,\), wanted one for each of 4 sequences"),
        ({"validation": 0.3}, r"validation is 0\.3, wanted \(X, targets\) or"),
        ({"validation": 3 * [[1]] + [[2]]}, r"validation is .*, wanted \(X, targets\) or"),
        ({"validation": (np.ones((3, 2)), np.ones(2))}, "targets has 2 rows and X has 3 steps"),
        ({"update": "often"}, "update is 'often'"),
    ],
)
def test_bad_arguments_change_nothing(make, wrong, message):
    model = make()
    before = model.to_bytes()
    arguments = {"X": np.ones((10, 2)), "targets": np.ones(10), "lengths": LENGTHS, **wrong}
    with pytest.raises(ValueError, match=message):
        model.fit(**arguments)
    assert model.to_bytes() == before
