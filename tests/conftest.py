"""What the tests are parametrised over: dtype, sizes, switches; and one seeded generator.

Of what that makes together a part runs that finds the same faults, see `covering`; with
``pytest --full`` everything does.
"""

from collections import defaultdict
from zlib import crc32

import kernels
import numpy as np
import pytest
from covering import covering
from nets import NETS, all_combinations, covering_combinations

from pylstm import _core


def _name(architecture):
    switches = architecture.keywords()
    leak = switches.pop("leak")
    values = [
        str(value) if not isinstance(value, bool) else switch
        for switch, value in switches.items()
        if value is not False
    ]
    return "-".join(values + ([f"leak{leak}"] if leak else []))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every combination of all parameters")


def pytest_configure(config):
    kernels.full = config.getoption("full")


def pytest_generate_tests(metafunc):
    """`combination`, unless a test brings its own: meaningful combinations of switches."""
    given = any(
        "combination" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")
    )
    if "combination" in metafunc.fixturenames and not given:
        full = metafunc.config.getoption("full")
        combinations = all_combinations() if full else covering_combinations()
        metafunc.parametrize("combination", combinations, ids=_name)


def _same(value):
    """What is equal for equal values, in every process that shares the tests."""
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


def _choice(item):
    """What was chosen for a test: a value for each fixture, and for each table of cases a row."""
    values = {name: _same(value) for name, value in item.callspec.params.items()}
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0]
        names = names.replace(",", " ").split() if isinstance(names, str) else names
        values["row of " + " ".join(names)] = tuple(values.pop(name) for name in names)
    if len(values) > 1:
        values.pop("row of seed", None)  # the same once more: needs not meet everything
    return values


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Of the tests of one function, those in which any two values of two parameters meet."""
    if config.getoption("full"):
        return
    functions = defaultdict(list)
    for item in items:
        if hasattr(item, "callspec"):
            functions[item.nodeid.partition("[")[0]].append(item)
    left_out = set()
    for tests in functions.values():
        chosen = set(covering([_choice(test) for test in tests]))
        left_out.update(test for n, test in enumerate(tests) if n not in chosen)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=[1, 2, 3, 6, 7, 8, 11, 17, 33])
def size(request):
    """Numbers of blocks at and around the widths of vector registers."""
    return request.param


@pytest.fixture(params=list(NETS))
def architecture(request):
    """The nets of the papers, and nets which have everything or nothing."""
    return NETS[request.param]


@pytest.fixture(params=["dense", "sparse", "end"])
def presence(request):
    """Which steps have a target."""
    return request.param


@pytest.fixture
def rng(request):
    return np.random.default_rng(crc32(request.node.name.encode()))


@pytest.fixture(params=["small", "large"])
def layout(request):
    """Networks laid out as small ones, or as large ones wherever there is one cell a block."""
    before = _core.choose_large_from(0 if request.param == "large" else 1 << 60)
    yield request.param
    _core.choose_large_from(before)
