"""Values as sentences show them."""

import doctest

import numpy as np
import pytest

import pylstm
from pylstm import checks, errors


class Loud:
    def __repr__(self):
        return 100_000 * "!"


class Broken:
    def __repr__(self):
        raise OSError("no repr today")


LONG = [
    100_000 * "x",
    list(range(100_000)),
    {k: k for k in range(100_000)},
    np.zeros((300, 300)),
    Loud(),
    Broken(),
    10**10_000,
    (1,) * 1000,
]


@pytest.mark.parametrize("value", LONG, ids=lambda value: type(value).__name__)
def test_a_long_value_is_cut(value):
    assert len(errors.brief(value)) <= 90
    assert "\n" not in errors.brief(value)


@pytest.mark.parametrize("value", [0, 1.5, None, "red", ["a", 2], (3, 4), True, np.float32(2)])
def test_a_short_value_is_shown_whole(value):
    assert errors.brief(value) == repr(value)


@pytest.mark.parametrize("value", LONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "call",
    [
        lambda value: pylstm.LSTM(value, 1, 1),
        lambda value: pylstm.LSTM(1, 1, 1, output=value),
        lambda value: pylstm.LSTM(1, 1, 1, optimizer=value),
        lambda value: pylstm.LSTM(1, 1, 1, bias_init={"output": value}),
        lambda value: pylstm.LSTM(1, 1, 1).step(value),
        lambda value: pylstm.LSTM(1, 1, 1).run(value, value),
        lambda value: pylstm.SGD(value),
        lambda value: pylstm.Population(value, 1, 1, 1),
        lambda value: pylstm.Population(2, 1, 1, 1, seed=[value]),
        lambda value: pylstm.Streams(value, 2),
    ],
)
def test_a_refusal_is_a_short_sentence(call, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(value)
    assert len(str(caught.value)) <= 300


def test_examples():
    assert doctest.testmod(errors).failed == doctest.testmod(checks).failed == 0
