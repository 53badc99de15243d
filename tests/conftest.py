"""What the tests are parametrised over: dtype, sizes, switches; and one seeded generator."""

from zlib import crc32

import numpy as np
import pytest
from nets import NETS, all_combinations

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


@pytest.fixture(params=all_combinations(), ids=_name)
def combination(request):
    """Every meaningful combination of switches, on cheap sizes."""
    return request.param


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
