"""Accuracy of the squashings, in units in the last place, over the whole range of arguments.

The truth is NumPy's in the next wider type. The kernels hold the argument of exp within `LIMIT`, so
there the logistic stops falling: beyond, it is off by less than two smallest normal numbers.
"""

import numpy as np
import pytest
from kernels import ISAS, LANES, call, same_bits

from pylstm import _core

WIDER = {"float32": np.float64, "float64": np.longdouble}
BITS = {"float32": 24, "float64": 53}  # of the significand
LIMIT = {"float32": 87.0, "float64": 708.0}  # of the argument of exp

# Largest errors in units in the last place: of all, and of the logistic except for x within 2 of
# -log(2^53), -log(2^24) in float32, where 1 and 2 drown in e^-x and every sum of them is rounded.
ANYWHERE, LOGISTIC = 3.0, 2.2
# Where long double is no wider than double, the truth itself may be off by one.
DOUBT = {"float32": 0.0, "float64": 0.0 if np.finfo(np.longdouble).nmant > 60 else 1.0}

EXACT = {
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "tanh_half": lambda x: np.tanh(x / 2),
    "two_tanh_half": lambda x: 2 * np.tanh(x / 2),
}
# slope, a, b, linear: the table of csrc/simd/math.inc
CONSTANTS = {
    "logistic": (1, 1, 0, 0),
    "tanh": (2, 0, -1, 0),
    "tanh_half": (1, 0, -1, 0),
    "two_tanh_half": (1, 0, -2, 0),
    "identity": (0, 0, 0, 1),
}


def squash(isa, dtype, kind, x):
    y = np.full_like(x, np.nan)
    _, (_, y) = call(isa, dtype, "squash_kind", x, y, x.size, _core.SQUASHINGS[kind])
    return y


def neighbours(x, dtype, reach=4):
    """x and the numbers of that dtype around it."""
    x = np.asarray(x).astype(dtype)
    around = [x]
    for towards in (-np.inf, np.inf):
        near = x
        for _ in range(reach):
            near = np.nextafter(near, np.array(towards, dtype))
            around.append(near)
    return np.concatenate(around)


def arguments(dtype, rng):
    """Finite arguments: dense, logarithmic, and the places where something changes."""
    info, limit = np.finfo(dtype), LIMIT[dtype]
    dense = [rng.uniform(-r, r, 50_000) for r in (0.4, 1.0, 4.0, 20.0, 1.1 * limit)]
    dense.append(np.log(2) * BITS[dtype] + rng.uniform(-2, 2, 50_000))
    exponents = rng.uniform(np.log2(float(info.smallest_subnormal)), info.maxexp, 100_000)
    logarithmic = np.exp2(exponents) * rng.uniform(0.5, 1.0, exponents.size)
    # exp switches from one power of two to the next at odd multiples of ln2 / 2
    steps = np.arange(-int(2 * limit / np.log(2)), int(2 * limit / np.log(2)) + 1) * np.log(2) / 2
    edges = np.r_[steps, steps / 2, limit, limit / 2, 0.0, info.tiny, info.max / 4, 1.0]
    edges = np.r_[edges, -np.log(float(info.eps)), -np.log(float(info.eps)) / 2]
    x = np.concatenate([
        *(part.astype(dtype) for part in dense),
        logarithmic.astype(dtype),
        neighbours(edges, dtype),
        np.array([info.max, info.smallest_subnormal, info.tiny, info.eps], dtype),
    ])  # fmt: skip
    return np.concatenate([x, -x])


def truth(x, dtype, kind):
    with np.errstate(over="ignore", under="ignore"):
        return EXACT[kind](x.astype(WIDER[dtype]))


def ulps(y, exact, dtype):
    """Errors in units in the last place of the exact value."""
    _, exponent = np.frexp(exact)
    lowest = np.finfo(dtype).minexp - BITS[dtype] + 1
    unit = np.ldexp(np.ones_like(exact), np.maximum(exponent - BITS[dtype], lowest))
    return np.abs(y.astype(exact.dtype) - exact) / unit


@pytest.fixture(params=ISAS)
def isa(request):
    return request.param


@pytest.mark.parametrize("kind", EXACT)
def test_error_in_units_in_the_last_place(kind, dtype, isa, rng):
    x = arguments(dtype, rng)
    y, exact = squash(isa, dtype, kind, x), truth(x, dtype, kind)
    errors = ulps(y, exact, dtype)
    if kind == "logistic":
        errors[x < -LIMIT[dtype]] = 0
        elsewhere = np.abs(x + np.log(2) * BITS[dtype]) > 2
        assert errors[elsewhere].max() <= LOGISTIC + DOUBT[dtype]
    assert errors.max() <= ANYWHERE + DOUBT[dtype]


def test_logistic_stops_at_the_smallest_normal_numbers(dtype, isa, rng):
    """Not at 0, so that log(y) is finite."""
    x = -LIMIT[dtype] * np.exp2(np.r_[0, rng.uniform(0, 60, 1000)]).astype(dtype)
    y = squash(isa, dtype, "logistic", x)
    assert (y == y[0]).all()
    assert np.finfo(dtype).tiny <= y[0] < 2 * np.finfo(dtype).tiny


@pytest.mark.parametrize("kind", EXACT)
def test_saturation_is_exact_and_never_passed(kind, dtype, isa, rng):
    x = arguments(dtype, rng)
    y = squash(isa, dtype, kind, x)
    low, high = {"logistic": (0, 1), "two_tanh_half": (-2, 2)}.get(kind, (-1, 1))
    assert y.min() >= low
    assert y.max() == high
    assert (y[x > 50] == high).all()
    if low < 0:
        assert (y[x < -50] == low).all()


@pytest.mark.parametrize("kind", ["tanh", "tanh_half", "two_tanh_half"])
def test_tanh_of_tiny_numbers(kind, dtype, isa):
    """The tangent at zero, down to the smallest numbers; odd, and zero at both zeros."""
    info = np.finfo(dtype)
    x = np.array([0.0, info.smallest_subnormal * 8, info.tiny, info.eps**2], dtype)
    tangent = {"tanh": 1.0, "tanh_half": 0.5, "two_tanh_half": 1.0}[kind]
    assert (squash(isa, dtype, kind, x) == tangent * x).all()
    assert (squash(isa, dtype, kind, -x) == -tangent * x).all()


def test_identity_has_the_same_bits(dtype, isa, rng):
    x = np.r_[arguments(dtype, rng), np.array([np.inf, -np.inf, -0.0], dtype)]
    assert same_bits(squash(isa, dtype, "identity", x), x)


def test_softmax_of_what_is_not_a_number_is_none(dtype, isa):
    for value in (np.nan, np.inf):
        net = np.array([0.5, value, -2.0], dtype)
        _, (_, y) = call(isa, dtype, "softmax", net, np.zeros_like(net), net.size)
        assert np.isnan(y).all()


@pytest.mark.parametrize("kind", CONSTANTS)
def test_nothing_infinite_or_nan_is_squashed_to_a_number(kind, dtype, isa):
    """An overflow must not hide behind saturation: what is not finite stays so, and is seen."""
    for value in (np.nan, np.inf, -np.inf):
        x = np.full(LANES[dtype], 0.5, dtype)
        x[3] = value
        finite = np.isfinite(squash(isa, dtype, kind, x))
        assert not finite[3]
        assert np.delete(finite, 3).all()


def test_mixed_squashings_have_the_bits_of_each(dtype, isa, rng):
    """`squash` takes its constants per element: a row of gates and cell inputs in one pass."""
    kinds = list(CONSTANTS)
    x = rng.uniform(-30, 30, 100 * LANES[dtype]).astype(dtype)
    which = rng.integers(len(kinds), size=x.size)
    columns = np.array([CONSTANTS[kinds[k]] for k in which], dtype).T.copy()
    _, (*_, y) = call(isa, dtype, "squash", x, *columns, np.full_like(x, np.nan), x.size)
    for k, kind in enumerate(kinds):
        assert same_bits(y[which == k], squash(isa, dtype, kind, x)[which == k]), kind


@pytest.mark.parametrize("kind", CONSTANTS)
def test_slope_is_the_derivative(kind, isa, rng):
    """y' = p0 + p1 y + p2 y^2 against central differences; output_error with dy = 1 gives y'."""
    x, step = rng.uniform(-8, 8, 1000), 1e-5
    up, y, down = (squash(isa, "float64", kind, x + d) for d in (step, 0, -step))
    ones, unset = np.ones_like(y), np.full_like(y, np.nan)
    args = ones, y.copy(), unset, y.size, _core.SQUASHINGS[kind]
    _, (_, _, slope) = call(isa, "float64", "output_error", *args)
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=0, atol=1e-9)
