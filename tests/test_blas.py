"""Large gradients by SciPy's BLAS: the gradient is what it was, by default nothing is changed."""

import ctypes
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    build,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import Architecture, full_gradient, truncated_gradient

import pylstm
from pylstm import _core

FROM = 1 << 23  # multiply-adds, by default
LARGE = Architecture(n_inputs=40, n_outputs=3, n_blocks=150, peepholes=True)


@pytest.fixture
def switch():
    """`set_blas` for one test, from so many multiply-adds on."""
    pytest.importorskip("scipy")
    before = pylstm.get_blas()

    def use(name, n_multiply_adds=0):
        pylstm.set_blas(name)
        _core.choose_blas(n_multiply_adds=n_multiply_adds)

    yield use
    pylstm.set_blas(before)
    _core.choose_blas(n_multiply_adds=FROM)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("method", ["truncated", "bptt"])
@pytest.mark.parametrize("name", NETS)
def test_gradient(name, method, switch, rng):
    """Against differences of the loss, with every product by BLAS."""
    architecture = NETS[name]
    switch("scipy")
    net = build(architecture, gradient=method)
    set_parameters(net, random_parameters(architecture, rng))
    parameters = {key: values.copy() for key, values in net.parameters.items()}
    inputs, targets = random_task(architecture, 6, rng)
    wanted = (
        truncated_gradient(architecture, parameters, inputs, targets)
        if method == "truncated"
        else full_gradient(architecture, parameters, inputs, targets, distance=4e-4)
    )
    assert_close(net.gradient(inputs, targets), wanted, 1e-6, floor=1e-3)


def learned(architecture, dtype, inputs, targets, n_streams, **keywords):
    """Weights and outputs after some updates of a network or of streams."""
    net = build(architecture, dtype, learning_rate=0.01, init_range=0.1, **keywords)
    if n_streams:
        streams = pylstm.Streams(net, n_streams)
        shape = (-1, n_streams)
        X, T = (a[: len(a) // n_streams * n_streams] for a in (inputs, targets))
        X, T = X.reshape(*shape, X.shape[-1]), T.reshape(*shape, T.shape[-1])
        outputs = [streams.run(X, T, update=update) for update in (7, "sequence")]
    else:
        outputs = [net.run(inputs, targets, update=update) for update in (70, "sequence")]
    return {"outputs": np.concatenate(outputs)} | {k: v.copy() for k, v in net.parameters.items()}


@pytest.mark.parametrize("n_streams", [0, 2, 16])
@pytest.mark.parametrize("method", ["truncated", "bptt"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_blocks", [30, 150])
def test_the_same_but_for_rounding(n_blocks, dtype, method, n_streams, switch, rng):
    architecture = replace(LARGE, n_blocks=n_blocks)
    task = random_task(architecture, 160, rng, presence="dense")
    arguments = architecture, dtype, *(np.asarray(a, dtype) for a in task), n_streams
    wanted = learned(*arguments, gradient=method)
    switch("scipy")
    found = learned(*arguments, gradient=method)
    assert_close(found, wanted, 1e-3 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("n_streams", [0, 2, 16])
def test_the_same_bits_whatever_the_number_of_threads(n_streams, switch, rng):
    """Of ours; BLAS has one itself."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    task = random_task(LARGE, 160, rng, presence="dense")
    switch("scipy")
    before = pylstm.get_threads()
    results = []
    try:
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            for n_threads in (1, 2, 3):
                pylstm.set_threads(n_threads)
                results.append(learned(LARGE, "float32", *map(np.float32, task), n_streams))
    finally:
        pylstm.set_threads(before)
    assert_same_bits(results[1], results[0])
    assert_same_bits(results[2], results[0])


@pytest.fixture
def calls(switch):
    """The sizes of every product given to a BLAS that computes nothing, (rows, sources, steps)."""
    sizes = []

    def gemm(*pointers):
        sizes.append(tuple(ctypes.c_int.from_address(at).value for at in pointers[2:5]))

    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(gemm)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    signature = ctypes.c_char_p(b"void (int *, int *, int *, int *, int *, int *)")
    capsule = new(ctypes.cast(function, ctypes.c_void_p), signature, None)
    switch("scipy")
    _core.choose_blas(exports={"sgemm": capsule, "dgemm": capsule})
    yield sizes
    from scipy.linalg import cython_blas

    _core.choose_blas(exports=cython_blas.__pyx_capi__)


def test_only_what_is_large_and_built_since(calls, switch, rng):
    architecture = replace(LARGE, n_blocks=30)
    inputs, targets = random_task(architecture, 20, rng, presence="dense")
    product = 128, 40 + 30 + 1, 20  # 120 rows, in whole cache lines
    switch("none")
    built_before = build(architecture, "float32")
    for name, least in (("none", 0), ("scipy", np.prod(product) + 1), ("scipy", np.prod(product))):
        switch(name, least)
        assert not calls
        net = build(architecture, "float32")
        net.gradient(inputs, targets)
        built_before.gradient(inputs, targets)
    assert calls == [product]
    pylstm.set_blas("none")
    net.gradient(inputs, targets)
    assert calls == 2 * [product], "a network keeps what it was built with"


@pytest.mark.parametrize("n_blocks", [30, 150, 200])
@pytest.mark.parametrize("n_streams", [0, 2, 16])
def test_the_same_calls_whatever_the_number_of_threads(n_streams, n_blocks, calls, rng):
    architecture = replace(LARGE, n_blocks=n_blocks)
    task = random_task(architecture, 160, rng, presence="dense")
    before = pylstm.get_threads()
    found = []
    try:
        for n_threads in (1, 2, 3, 5):
            pylstm.set_threads(n_threads)
            learned(architecture, "float32", *map(np.float32, task), n_streams)
            found.append(sorted(calls))
            calls.clear()
    finally:
        pylstm.set_threads(before)
    assert found[0]
    assert found == 4 * found[:1]


def test_off_by_default_and_back(switch, rng):
    task = random_task(LARGE, 160, rng, presence="dense")
    assert pylstm.get_blas() == "none"
    wanted = learned(LARGE, "float32", *map(np.float32, task), 0)
    switch("scipy")
    assert pylstm.get_blas() == "scipy"
    assert pylstm.set_blas("none") == "scipy"
    assert_same_bits(learned(LARGE, "float32", *map(np.float32, task), 0), wanted)


@pytest.mark.parametrize("wrong", ["mkl", "", None, True, 1])
def test_other_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"name is .*, wanted one of 'none', 'scipy'"):
        pylstm.set_blas(wrong)
    assert pylstm.get_blas() == "none"


def test_a_blas_of_other_integers_is_refused():
    api = {"sgemm": pylstm}
    with pytest.raises((ImportError, ValueError)):
        _core.choose_blas(exports=api)


def config_of(variable, before=""):
    """What show_config says in a process of its own."""
    code = f"{before}; import pylstm; pylstm.show_config(); pylstm.set_blas('scipy')"
    environment = os.environ | {"PYLSTM_BLAS": variable}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )


@pytest.mark.processes
@pytest.mark.parametrize("variable", ["", "none"])
def test_variable_that_says_none(variable):
    pytest.importorskip("scipy")
    done = config_of(variable, "pass")
    assert "BLAS             none, the engine's own product is as fast" in done.stdout
    assert done.returncode == 0


@pytest.mark.processes
def test_variable_that_says_scipy():
    scipy = pytest.importorskip("scipy")
    done = config_of("scipy", "pass")
    assert f"BLAS             SciPy {scipy.__version__}, for large gradients" in done.stdout


@pytest.mark.processes
def test_variable_that_is_wrong():
    done = config_of("mkl", "pass")
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ValueError: PYLSTM_BLAS is 'mkl', wanted one of 'none', 'scipy'"


@pytest.mark.processes
def test_without_scipy_everything_works():
    """As if the variable said nothing; who asks in so many words is told what to install."""
    done = config_of("scipy", "import sys; sys.modules['scipy'] = None")
    assert "BLAS             none, though PYLSTM_BLAS is 'scipy': SciPy's BLAS" in done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: SciPy's BLAS cannot be imported")
    assert last.endswith("pip install pylstm[blas]")
