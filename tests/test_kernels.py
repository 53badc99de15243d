"""Every C kernel by itself against its NumPy twin in pylstm.reference, on every instruction set.

Sizes around the widths of vectors; no input neutral, so that nothing can be left out; outputs full
of NaN; every array at its own distance from a cache line, with canaries on both sides.
"""

from itertools import product as pairs

import numpy as np
import pytest
from kernels import (
    COUNTS,
    DTYPES,
    EXPORTED,
    FIRST_LEVEL,
    ISAS,
    LANES,
    Numbers,
    call,
    check_against_twin,
    check_close,
    same_bits,
    sizes,
)

import pylstm
from pylstm import _core, reference

KINDS = range(5)  # the squashings of cells
SOFTMAX = reference.KINDS.index("softmax")
LOGISTIC = reference.KINDS.index("logistic")
RATES = (2.5, -0.5)
MOMENTUM = 0.9, 0.4  # momentum, keep
RMSPROP = 0.7, 0.3, 0.4  # decay, epsilon, keep
ADAM = 0.6, 0.8, 1.7, 0.3, 0.4  # first, second, root, epsilon, keep

# ---------------------------------------------------------------- arguments, one generator a kernel


def squash(make, dtype):
    for (n,) in sizes(dtype, lines=1):
        yield make(n), make(n), make(n), make(n), make(n), make.unset(n), n


def squash_kind(make, dtype):
    for kind in KINDS:
        for (n,) in sizes(dtype, counts=1):
            yield 3 * make(n), make.unset(n), n, kind


def net_input(make, dtype):
    for n_sources, n_rows in [*sizes(dtype, counts=1, lines=1), *beyond_first_level(dtype)]:
        W, z = make(n_sources, n_rows), make(n_sources)
        yield W, z, make.unset(n_rows), n_sources, n_rows


def peephole_input(make, dtype):
    for n_blocks, block_size in sizes(dtype, counts=2):
        U, c = make(n_blocks, block_size), make(n_blocks, block_size)
        yield U, c, make(n_blocks), n_blocks, block_size


def cell_state(make, dtype):
    for kind in KINDS:
        for (n,) in sizes(dtype, quads=1):
            gates = make.fraction(n), make.fraction(n), make(n)
            yield *gates, make(n), make(n), make.unset(n), make.unset(n), n, kind


def cell_output(make, dtype):
    for (n,) in sizes(dtype, quads=1):
        yield make.fraction(n), make(n), make(n), make(n), make.unset(n), n


def cells(make, dtype):
    for kind in KINDS:
        for (n,) in sizes(dtype, quads=1):
            gates = make.fraction(n), make.fraction(n), make(n), make.fraction(n)
            yield *gates, make(n), make(n), make(n), *(make.unset(n) for _ in range(3)), n, kind


def readout(make, dtype):
    for n_outputs, n_sources in sizes(dtype, counts=1, quads=1):
        V, q = make(n_outputs, n_sources), make(n_sources)
        yield V, q, make.unset(n_outputs), n_outputs, n_sources


def softmax(make, dtype):
    for scale in (1, 300):
        for (n,) in sizes(dtype, counts=1):
            yield scale * make(n), make.unset(n), n


def output_error(make, dtype):
    for kind in (*KINDS, SOFTMAX):
        for (n,) in sizes(dtype, counts=1):
            yield make(n), make(n), make.unset(n), n, kind


def squared_loss(make, dtype):
    for (n,) in sizes(dtype, counts=1):
        yield make(n), make(n), make.unset(n), n


def cross_entropy_loss(make, dtype):
    for kind in (LOGISTIC, SOFTMAX):
        for scale in (1, 300):
            for (n,) in sizes(dtype, counts=1):
                yield scale * make(n), make.fraction(n), n, kind


def cell_error(make, dtype):
    for kind in KINDS:
        for n_outputs, n in sizes(dtype, counts=1, quads=1):
            for stride in (n, n + 3):
                V, delta, gate = (
                    make.strided(n_outputs, n, stride),
                    make(n_outputs),
                    make.fraction(n),
                )
                rest = make(n), make(n), make.unset(n), make.unset(n)
                yield V, delta, gate, *rest, n_outputs, stride, n, kind


def unit_error(make, dtype):
    """Of one sign, lest a sum cancel where it is the only one."""
    for kind in KINDS:
        for n_outputs, n in sizes(dtype, counts=2):
            for stride in (n, n + 3):
                V, delta = np.abs(make.strided(n_outputs, n, stride)), -np.abs(make(n_outputs))
                yield V, delta, make(n), make.unset(n), n_outputs, stride, n, kind


def input_error(make, dtype):
    for n_sources, n_rows in sizes(dtype, counts=1, lines=1):
        yield make(n_sources, n_rows), make(n_rows), make.unset(n_sources), n_sources, n_rows


def trace_learn_sgd(make, dtype):
    for sources, traced, rows in trace_sizes(dtype):
        for rate in RATES:
            E, W, z, z_next, f, d, e, net = trace_arrays(make, sources, traced, rows)
            yield E, W, z, z_next, f, d, e, net, sources, traced, rows, rate
            yield E, W, z, None, f, d, e, None, sources, traced, rows, rate
            yield E, W, z, z_next, None, d, e, net, sources, traced, rows, rate


def trace_learn_momentum(make, dtype):
    for sources, traced, rows in trace_sizes(dtype):
        for rate in RATES:
            E, W, z, z_next, f, d, e, net = trace_arrays(make, sources, traced, rows)
            v, rule = make(sources, rows), (rate, *MOMENTUM)
            yield E, W, v, z, z_next, f, d, e, net, sources, traced, rows, *rule
            yield E, W, v, z, None, f, d, e, None, sources, traced, rows, *rule
            yield E, W, v, z, z_next, None, d, e, net, sources, traced, rows, *rule


def trace_learn_rmsprop(make, dtype):
    for sources, traced, rows in trace_sizes(dtype):
        for rate in RATES:
            E, W, z, z_next, f, d, e, net = trace_arrays(make, sources, traced, rows)
            moment, rule = make.fraction(sources, rows), (rate, *RMSPROP)
            yield E, W, moment, z, z_next, f, d, e, net, sources, traced, rows, *rule
            yield E, W, moment, z, None, f, d, e, None, sources, traced, rows, *rule
            yield E, W, moment, z, z_next, None, d, e, net, sources, traced, rows, *rule


def trace_learn_adam(make, dtype):
    for sources, traced, rows in trace_sizes(dtype):
        for rate in RATES:
            E, W, z, z_next, f, d, e, net = trace_arrays(make, sources, traced, rows)
            moments = make(sources, rows), make.fraction(sources, rows)
            yield E, W, *moments, z, z_next, f, d, e, net, sources, traced, rows, rate, *ADAM
            yield E, W, *moments, z, None, f, d, e, None, sources, traced, rows, rate, *ADAM
            yield E, W, *moments, z, z_next, None, d, e, net, sources, traced, rows, rate, *ADAM


def lazy_sizes(dtype):
    """(n_sources, n_traced, n_rows, k): a gate with traces, one without, and both in one."""
    line = LANES[dtype]
    for n_sources in (*COUNTS, 16, 17):
        for n_traced, n_rows in (
            (line, line),
            (0, 2 * line),
            (3 * line, 3 * line),
            (line, 2 * line),
        ):
            for k in (1, 2, 8, 15):
                yield n_sources, n_traced, n_rows, k


def lazy_input(make, dtype):
    for n_sources, n_traced, n_rows, k in lazy_sizes(dtype):
        W, E, z = make(n_sources, n_rows), make(n_sources, n_traced), make(n_sources)
        w, rest = make.strided(k, n_rows, n_rows + 3), (make.unset(n_rows), make.unset(n_traced))
        sizes = n_sources, n_traced, n_rows, k, n_rows + 3
        yield W, E, z, make(n_traced), w, make(k), *rest, *sizes


def lazy_coefficients(make, dtype):
    for rate in RATES:
        for k, n in sizes(dtype, counts=1, lines=1):
            d, w = make.strided(k, n, n + 3), make.strided(k, n, n + 3)
            rows = make.fraction(n), make(n), make(n), make(n), make.fraction(n), make(n)
            yield d, w, *rows, n, k, n + 3, rate
            yield d, w, *rows, n, 0, n + 3, rate


def lazy_learn(make, dtype):
    for n_sources, n_traced, n_rows, k in lazy_sizes(dtype):
        stride = n_rows + n_sources
        E, W, z_next = make(n_sources, n_traced), make(n_sources, n_rows), make(n_sources)
        Z, w = make.strided(k, n_sources, stride), make.strided(k, n_rows, stride)
        d, F, A = make.strided(k, n_traced, stride), make.fraction(n_traced), make(n_traced)
        sizes = n_sources, n_traced, n_rows, k, stride
        yield E, W, Z, z_next, d, w, F, A, make(n_rows), *sizes
        yield E, W, Z, None, d, w, F, A, None, *sizes


def trace_squares(make, dtype):
    for n_sources, n_traced in sizes(dtype, counts=1, lines=1):
        E, z = make(n_sources, n_traced), make(n_sources)
        yield E, z, make(n_traced), make(n_traced), make.unset(n_traced), n_sources, n_traced


trace_magnitudes = trace_squares


def add_scaled_rows(make, dtype):
    for n_sources, n_traced, more in sizes(dtype, counts=1, lines=2):
        for n_rows in (n_traced, n_traced + more):
            G, E, a = make(n_sources, n_rows), make(n_sources, n_traced), make(n_traced)
            yield G, E, a, n_sources, n_traced, n_rows


def product(make, dtype):
    """Z^T C, where steps are far apart, and Z W, where a step is beside the next; also pages apart,
    where tiles read copies: sources in more than one block, steps too."""
    line = LANES[dtype]
    shapes = [(*few, 3) for few in sizes(dtype, counts=2, lines=1)]
    shapes += [(33, 70, 3 * line, 1024), (101, 131, 2 * line, 1024)]
    for n_sources, k, n_rows, gap in shapes:
        for n_old in {0, line, n_rows}:
            for transposed in (True, False):
                g_stride, old_stride, b_stride = n_rows + 2, max(n_old, 1) + 1, n_rows + gap
                a_step, a_source = (n_sources + gap, 1) if transposed else (1, k + 3)
                A = (
                    make.strided(k, n_sources, a_step)
                    if transposed
                    else make.strided(n_sources, k, a_source)
                )
                B = make.strided(k, n_rows, b_stride)
                old, scale = make(n_sources, old_stride), make(max(n_old, 1))
                strides = g_stride, old_stride, a_step, a_source, b_stride
                for scale_or_one in (scale, None):
                    G = make.unset(n_sources, g_stride)
                    yield G, old, scale_or_one, A, B, n_sources, n_old, n_rows, k, *strides


def transpose(make, dtype):
    for n_sources, n_rows in sizes(dtype, counts=1, lines=1):
        for stride in (n_sources, n_sources + 3):
            T = make(n_rows, stride)
            yield make(n_sources, n_rows), T, n_sources, n_rows, stride


def cell_flow(make, dtype):
    for kind in KINDS:
        for (n,) in sizes(dtype, quads=1):
            rest = make(n), make(n), make(n), make.unset(n)
            yield make(n), make.fraction(n), *rest, n, kind


def gate_flow(make, dtype):
    for (n,) in sizes(dtype, counts=1):
        yield make(n), make.fraction(n), make(n), n, -1.25


def peephole_flow(make, dtype):
    for n_blocks, block_size in sizes(dtype, counts=2):
        U, a = make(n_blocks, block_size), make(n_blocks, block_size)
        yield U, make(n_blocks), a, n_blocks, block_size


def direct_sensitivity(make, dtype):
    """Blocks within a row of weights, across panels, up to and beyond the last weight."""
    line = LANES[dtype]
    for n_sources, n_panels, lines in pairs(COUNTS, (1, 2), (1, 2)):
        panel_rows = lines * line
        n_weights = n_panels * n_sources * panel_rows
        for n_rows in (n_panels * panel_rows - 3, n_panels * panel_rows):
            for width in (line, 3 * line):
                for j0 in range(0, n_weights + line, width):
                    N, z = make(n_rows, width), make(n_sources)
                    yield N, z, j0, width, n_weights, n_sources, panel_rows, n_rows


def peephole_sensitivity(make, dtype):
    for n_blocks, block_size, width in sizes(dtype, counts=2, lines=1):
        for first in (-width, -3, 0, 5, width - 2, width):
            N, P = make(n_blocks, width), make(n_blocks, block_size, width)
            U, c = make(n_blocks, block_size), make(n_blocks, block_size)
            yield N, U, c, P, first, n_blocks, block_size, width


def combine_sensitivities(make, dtype):
    for n_blocks, size, width in sizes(dtype, counts=2, lines=1):
        n = n_blocks * size
        x, a, y, b = make(n, width), make(n), make(n_blocks, width), make(n)
        for terms in ((x, a, y, b), (None, None, y, b), (x, a, None, b)):
            yield make.unset(n, width), *terms, n, size, width


def sgd(make, dtype):
    for rate in RATES:
        for (n,) in sizes(dtype, counts=1):
            yield make(n), make(n), n, rate


def momentum(make, dtype):
    for rate in RATES:
        for (n,) in sizes(dtype, counts=1):
            yield make(n), make(n), make(n), n, rate, *MOMENTUM


def rmsprop(make, dtype):
    for rate in RATES:
        for (n,) in sizes(dtype, counts=1):
            yield make(n), make.fraction(n), make(n), n, rate, *RMSPROP


def adam(make, dtype):
    for rate in RATES:
        for (n,) in sizes(dtype, counts=1):
            yield make(n), make(n), make.fraction(n), make(n), n, rate, *ADAM


def clip(make, dtype):
    for (n,) in sizes(dtype, counts=1):
        yield make(n), n, 0.6


def scale(make, dtype):
    for (n,) in sizes(dtype, counts=1):
        yield make(n), n, -0.7


def readout_learn_sgd(make, dtype):
    for rate in RATES:
        for n_outputs, stride in sizes(dtype, counts=1, quads=1):
            yield make(n_outputs, stride), make(stride), make(n_outputs), n_outputs, stride, rate


def readout_learn_momentum(make, dtype):
    for rate in RATES:
        for n_outputs, stride in sizes(dtype, counts=1, quads=1):
            V, m = make(n_outputs, stride), make(n_outputs, stride)
            q, delta = make(stride), make(n_outputs)
            yield V, m, q, delta, n_outputs, stride, rate, *MOMENTUM


def readout_learn_rmsprop(make, dtype):
    for rate in RATES:
        for n_outputs, stride in sizes(dtype, counts=1, quads=1):
            V, m = make(n_outputs, stride), make.fraction(n_outputs, stride)
            yield V, m, make(stride), make(n_outputs), n_outputs, stride, rate, *RMSPROP


def readout_learn_adam(make, dtype):
    for rate in RATES:
        for n_outputs, stride in sizes(dtype, counts=1, quads=1):
            V, m = make(n_outputs, stride), make(n_outputs, stride)
            v, q, delta = make.fraction(n_outputs, stride), make(stride), make(n_outputs)
            yield V, m, v, q, delta, n_outputs, stride, rate, *ADAM


def read_lines(make, dtype):
    for (n_lines,) in sizes(dtype, counts=1):
        for repeats in (0, 1, 3):
            lanes = LANES[dtype]
            yield make(n_lines, lanes), make.unset(lanes), n_lines, repeats


def scale_lines(make, dtype):
    for (n_lines,) in sizes(dtype, counts=1):
        for repeats in (0, 1, 3):
            yield make(n_lines, LANES[dtype]), n_lines, repeats, -0.7


def multiply_add_lines(make, dtype):
    for n_lines in (3, 6, 12):
        for repeats in (0, 1, 3):
            yield make(n_lines, LANES[dtype]), n_lines, repeats, -0.7, 0.6


def beyond_first_level(dtype):
    """(n_sources, n_rows) of matrices so large that the passes go along memory."""
    limit, line = FIRST_LEVEL // np.dtype(dtype).itemsize, LANES[dtype]
    for n_sources in (1, 2, 3, 5, 32, 33, 34, 35):
        yield n_sources, (limit // n_sources // line + 1) * line


def trace_sizes(dtype):
    """(n_sources, n_traced, n_rows): with and without an output gate's rows; both memory orders."""
    for n_sources, n_traced, more in sizes(dtype, counts=1, lines=2):
        if more == LANES[dtype]:
            yield n_sources, n_traced, n_traced
        yield n_sources, n_traced, n_traced + more
    for n_sources, n_rows in beyond_first_level(dtype):
        yield n_sources, n_rows // 2 // LANES[dtype] * LANES[dtype], n_rows


def trace_arrays(make, n_sources, n_traced, n_rows):
    E, W = make(n_sources, n_traced), make(n_sources, n_rows)
    z, z_next, f, d = make(n_sources), make(n_sources), make.fraction(n_traced), make(n_traced)
    return E, W, z, z_next, f, d, make(n_rows), make(n_rows)


# ---------------------------------------------------------------- tests


@pytest.fixture(params=ISAS)
def isa(request):
    return request.param


@pytest.fixture
def make(rng, dtype):
    return Numbers(rng, dtype)


def test_every_engine_has_kernels_of_its_own():
    assert len(EXPORTED) >= 20
    for name in EXPORTED:
        assert len(
            {_core.kernel_address(isa, dtype, name) for isa in ISAS for dtype in DTYPES}
        ) == (len(ISAS) * len(DTYPES))


def test_kinds_are_the_same():
    kinds = _core.SQUASHINGS | _core.OUTPUTS
    assert kinds == {name: kind for kind, name in enumerate(reference.KINDS)}


@pytest.mark.parametrize("name", EXPORTED)
def test_kernel_equals_its_twin(name, isa, dtype, make):
    for args in globals()[name](make, dtype):
        check_against_twin(isa, dtype, name, args)


@pytest.mark.parametrize("n_sources", [1, 2, 33, 34, 35, 36])
def test_net_input_has_the_same_bits_in_either_memory_order(n_sources, isa, dtype, make):
    """Along memory, four cache lines at once and one at once; each row is by itself."""
    for more in range(4):
        limit = FIRST_LEVEL // make(1).itemsize // n_sources
        n_rows = (limit // LANES[dtype] + 1 + more) * LANES[dtype]
        W, z, net = make(n_sources, n_rows), make(n_sources), make.unset(n_rows)
        assert W.nbytes > FIRST_LEVEL
        _, (_, _, whole) = call(isa, dtype, "net_input", W, z, net, n_sources, n_rows)
        for lines in (1, 4):
            width = lines * LANES[dtype]
            for r in range(0, n_rows - width + 1, width):
                part = W[:, r : r + width].copy()
                assert part.nbytes <= FIRST_LEVEL
                _, (_, _, net) = call(
                    isa, dtype, "net_input", part, z, make.unset(width), n_sources, width
                )
                assert same_bits(net, whole[r : r + width])


RULES = {"sgd": (), "momentum": MOMENTUM, "rmsprop": RMSPROP, "adam": ADAM}
N_MOMENTS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}


def make_moments(make, rule, n_sources, n_rows):
    return [make.fraction(n_sources, n_rows) for _ in range(N_MOMENTS[rule])]


def learn(isa, dtype, arrays, moments, n_sources, rule="sgd", rate=2.5):
    """trace_learn_* on these arrays; what it has written, by name."""
    E, W, z, z_next, f, d, e, net = arrays
    shape = n_sources, f.size, e.size
    args = E, W, *moments, z, z_next, f, d, e, net, *shape, rate, *RULES[rule]
    _, after = call(isa, dtype, f"trace_learn_{rule}", *args)
    names = ["E", "W", "moment", "v"][: 2 + len(moments)]
    return {**dict(zip(names, after, strict=False)), "net": after[-1]}


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("n_sources", [1, 2, 33, 34])
def test_learning_has_the_same_bits_in_either_memory_order(
    n_sources, rule, forward, isa, dtype, make
):
    line = LANES[dtype]
    n_rows = FIRST_LEVEL // make(1).itemsize // n_sources // line * line + 2 * line
    n_traced = n_rows - 3 * line
    arrays = trace_arrays(make, n_sources, n_traced, n_rows)
    E, W, z, z_next, f, d, e, net = arrays if forward else (*arrays[:3], None, *arrays[4:7], None)
    moments = make_moments(make, rule, n_sources, n_rows)
    assert W.nbytes > FIRST_LEVEL
    whole = learn(isa, dtype, (E, W, z, z_next, f, d, e, net), moments, n_sources, rule)
    for r in range(0, n_rows, line):
        rows = slice(r, r + line)
        traced = rows if r < n_traced else slice(0)  # rows of the output gate have no traces
        part = learn(
            isa, dtype,
            (E[:, traced].copy(), W[:, rows].copy(), z, z_next, f[traced], d[traced], e[rows],
             net[rows] if forward else None),
            [moment[:, rows].copy() for moment in moments], n_sources, rule,
        )  # fmt: skip
        for name, array in part.items():
            if array is not None:
                columns = traced if name == "E" else rows
                assert same_bits(array, whole[name][..., columns].copy()), name


@pytest.mark.parametrize("rule", list(RULES))
def test_fused_forward_has_the_same_bits_as_separate_calls(rule, isa, dtype, make):
    """The next step's net input comes out of the learning pass as it would out of net_input."""
    for n_sources, n_traced, n_rows in trace_sizes(dtype):
        E, W, z, z_next, f, d, e, _ = trace_arrays(make, n_sources, n_traced, n_rows)
        moments = make_moments(make, rule, n_sources, n_rows)
        zero = np.zeros(n_rows, dtype)
        fused = learn(isa, dtype, (E, W, z, z_next, f, d, e, zero), moments, n_sources, rule)
        alone = learn(isa, dtype, (E, W, z, None, f, d, e, None), moments, n_sources, rule)
        _, (_, _, alone["net"]) = call(
            isa, dtype, "net_input", alone["W"], z_next, make.unset(n_rows), n_sources, n_rows
        )
        assert all(same_bits(fused[name], alone[name]) for name in fused)


def test_a_step_of_a_rule_is_as_precise_as_its_numbers(isa, dtype, make):
    """Over moments of every size, from where epsilon counts to nearly infinite."""
    n, most = 4096, 36 if dtype == "float32" else 300
    m = np.logspace(-36, most, n).astype(dtype)
    g = make.fraction(n) * np.sqrt(m)
    rules = {"rmsprop": (0.5, 1e-16, 1.0), "adam": (0.0, 0.5, 1.0, 1e-16, 1.0)}
    wanted = np.float64(g) / (np.sqrt(np.float64(m) / 2 + np.float64(g) ** 2 / 2) + 1e-16)
    for rule, numbers in rules.items():
        moments = (m.copy(),) if rule == "rmsprop" else (g.copy(), m.copy())
        _, (w, *_) = call(isa, dtype, rule, np.zeros(n, dtype), *moments, g, n, -1.0, *numbers)
        assert np.abs(w / wanted - 1).max() < 4 * np.finfo(dtype).eps, rule
        moments[-1][:] = np.inf  # one that has overflowed holds its weight where it is
        _, (w, *_) = call(isa, dtype, rule, np.zeros(n, dtype), *moments, m, n, -1.0, *numbers)
        assert np.abs(w).max() < 10, rule


def test_factors_settle_into_the_traces_of_the_learning_pass(isa, dtype, make):
    """product does to E what trace_learn_* does."""
    n_sources, n_traced = 7, 2 * LANES[dtype]
    E, W, z, _, f, d, e, _ = trace_arrays(make, n_sources, n_traced, n_traced)
    learned = learn(isa, dtype, (E, W, z, None, f, d, e, None), [], n_sources)
    Z, C = make.strided(1, n_sources, n_traced), d[None]
    Z[0, :n_sources] = z
    sizes_of_all = (n_sources, n_traced, n_traced, 1, n_traced, n_traced, n_traced, 1, n_traced)
    _, (settled, *_) = call(isa, dtype, "product", E.copy(), E, f, Z, C, *sizes_of_all)
    check_close(settled, learned["E"], 1e-6 if dtype == "float32" else 1e-14, "E")


@pytest.mark.parametrize("apart", [0, 1024])
def test_product_has_the_same_bits_in_parts(isa, dtype, make, apart):
    """Wherever sources and rows are cut, and steps, also beyond what one block of them holds; steps
    a page apart are copied for the whole, and not for its parts."""
    line = LANES[dtype]
    n_sources, n_rows, k = 131, 5 * line, 300
    old, A, B = make(n_sources, n_rows), make(k, n_sources), make(k, n_rows + apart)

    def multiply(old, A, B):
        shape = old.shape[0], old.shape[1], old.shape[1], len(A)
        strides = old.shape[1], old.shape[1], A.shape[1], 1, B.shape[1]
        _, (G, *_) = call(
            isa, dtype, "product", make.unset(*old.shape), old, None, A, B, *shape, *strides
        )
        return G

    whole = multiply(old, A, B)
    in_steps = multiply(multiply(old, A[:77], B[:77]), A[77:], B[77:])
    assert same_bits(in_steps, whole)
    for m, r in pairs((slice(0, 1), slice(1, 4), slice(4, 131)), (0, line, 3 * line)):
        rows = slice(r, n_rows)
        part = multiply(old[m, rows].copy(), A[:, m].copy(), B[:, rows].copy())
        assert same_bits(part, whole[m, rows].copy())


# ---------------------------------------------------------------- the whole algorithm

NETS = {
    "1997": dict(
        n_blocks=3, block_size=2, forget_gate=False, gate_recurrence=True, hidden_bias="gates",
        output_bias=False, cell_input="two_tanh_half", cell_output="tanh_half", output="logistic",
        loss="squared",
    ),
    "everything": dict(
        n_blocks=2, block_size=3, peepholes=True, gate_recurrence=True, shortcut=True,
        output="softmax", loss="squared",
    ),
    "one cell a block": dict(
        n_blocks=5, peepholes=True, output="logistic", loss="cross_entropy", hidden_bias="gates",
    ),
    "bare": dict(
        n_blocks=4, input_gate=False, forget_gate=False, output_gate=False, hidden_bias="none",
        cell_input="logistic", cell_output="identity",
    ),
}  # fmt: skip


@pytest.fixture(params=NETS)
def net(request, isa, rng):
    before = _core.choose_isa(isa)
    yield pylstm.LSTM(
        3, 2, **NETS[request.param], dtype="float64", init_range=0.8, seed=rng,
        optimizer=pylstm.SGD(0.2),
    )  # fmt: skip
    _core.choose_isa(before)


@pytest.fixture
def task(rng):
    X, targets = rng.normal(size=(30, 3)), rng.uniform(0.1, 0.9, size=(30, 2))
    targets[rng.random(30) < 0.3] = np.nan
    return X, targets


def test_engine_learns_as_the_reference_does(net, task):
    weights = {name: view.copy() for name, view in net.parameters.items()}
    for t, (y, gradient) in enumerate(reference.online_gradients(net._config(), weights, *task)):
        for name, g in gradient.items():
            weights[name] -= 0.2 * g
        got = net.run(task[0][t : t + 1], task[1][t : t + 1])[0]
        check_close(got, y, 1e-11, f"y({t})")
        for name, view in net.parameters.items():
            check_close(view, weights[name], 1e-11, f"{name} after step {t}")


def test_engine_has_the_gradient_of_the_reference(net, task):
    total = {name: np.zeros(view.shape) for name, view in net.parameters.items()}
    for _, gradient in reference.online_gradients(net._config(), net.parameters, *task):
        for name, g in gradient.items():
            total[name] += g
    for name, g in net.gradient(*task).items():
        check_close(g, total[name], 1e-11, name)
