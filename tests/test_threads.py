"""Threads: the same bits whatever their number, whoever comes or does not come to help."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from nets import assert_same_bits, assert_same_model, random_task
from oracle import Architecture

import pylstm

LARGE = {
    "lazy": Architecture(n_inputs=40, n_outputs=3, n_blocks=90, peepholes=True),
    "no gate to spare": Architecture(
        n_inputs=64, n_outputs=2, n_blocks=200, input_gate=False, output_gate=False
    ),
    "biased gates": Architecture(n_inputs=50, n_blocks=80, hidden_bias="gates"),
}


@pytest.fixture
def threads():
    """Set the number for one test."""
    before = pylstm.get_threads()
    yield pylstm.set_threads
    pylstm.set_threads(before)


def build_large(architecture, momentum=0.0):
    net = pylstm.LSTM(
        **architecture.keywords(), init_range=0.1, optimizer=pylstm.SGD(0.01, momentum=momentum)
    )
    assert net.n_parameters > 1 << 15
    return net


@pytest.mark.parametrize("n_threads", [2, 3, 4, 9])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("name", LARGE)
def test_same_bits_whatever_the_number(name, momentum, update, n_threads, threads, rng):
    architecture = LARGE[name]
    inputs, targets = random_task(architecture, 40, rng)
    nets = []
    for n in (1, n_threads):
        threads(n)
        net = build_large(architecture, momentum)
        outputs = net.run(inputs, targets, update=update)
        stepped = [net.step(x, target) for x, target in zip(inputs, targets, strict=True)]
        nets.append((net, outputs, np.array(stepped)))
    (alone, *one), (shared, *other) = nets
    assert_same_bits(one[0], other[0])
    assert_same_bits(one[1], other[1])
    assert_same_model(alone, shared)


@pytest.mark.parametrize("update", ["step", 5, "sequence"])
@pytest.mark.parametrize("n_streams", [1, 2, 5, 16])
def test_streams_have_the_same_bits(n_streams, update, threads, rng):
    X = rng.normal(size=(30, n_streams, 20)).astype(np.float32)
    targets = rng.normal(size=(30, n_streams, 2)).astype(np.float32)
    results = []
    for n in (1, 3):
        threads(n)
        net = pylstm.LSTM(20, 2, 60, optimizer=pylstm.SGD(0.01))
        streams = pylstm.Streams(net, n_streams)
        outputs = streams.run(X, targets, update=update)
        results.append((outputs, {k: v.copy() for k, v in net.parameters.items()}))
    assert_same_bits(results[0][0], results[1][0])
    assert_same_bits(results[0][1], results[1][1])


def test_populations_have_the_same_bits(threads, rng):
    X = rng.normal(size=(70, 400, 2)).astype(np.float32)
    targets = rng.normal(size=(70, 400, 1)).astype(np.float32)
    results = []
    for n in (1, 4):
        threads(n)
        population = pylstm.Population(70, 2, 1, 4, optimizer=pylstm.SGD(0.01))
        results.append((population.run(X, targets), population.parameters))
    assert_same_bits(results[0][0], results[1][0])
    assert_same_bits(results[0][1], results[1][1])


def test_networks_in_several_threads_at_once(threads, rng):
    """One has the helpers, the others work alone; all get what they get by themselves."""
    threads(3)
    architecture = LARGE["lazy"]
    inputs, targets = random_task(architecture, 150, rng)
    wanted = build_large(architecture)
    outputs = wanted.run(inputs, targets)
    nets = [build_large(architecture) for _ in range(4)]
    found = [None] * len(nets)

    def work(k):
        found[k] = nets[k].run(inputs, targets)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(nets))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for net, result in zip(nets, found, strict=True):
        assert_same_bits(result, outputs)
        assert_same_model(net, wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_makes_helpers_of_its_own(threads, rng):
    threads(2)
    architecture = LARGE["lazy"]
    inputs, targets = random_task(architecture, 60, rng)
    wanted = build_large(architecture).run(inputs, targets)
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def child():
        results.put((pylstm.get_threads(), build_large(architecture).run(inputs, targets)))

    process = context.Process(target=child)
    process.start()
    n_threads, outputs = results.get(timeout=60)
    process.join(60)
    assert n_threads == 2
    assert_same_bits(outputs, wanted)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("variables", "n_threads"),
    [
        ({"PYLSTM_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"PYLSTM_NUM_THREADS": "many", "OMP_NUM_THREADS": "0"}, None),
    ],
)
def test_variables(variables, n_threads):
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")
    }
    code = "import pylstm; print(pylstm.get_threads())"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment | variables, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(result.stdout) == (n_threads or cores)


def test_joblib_tells_its_workers():
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(pylstm.get_threads)() for _ in range(2))
    assert found == [1, 1]


def test_threadpoolctl_limits_them(threads):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pylstm.register_threadpoolctl()
    pylstm.register_threadpoolctl()
    threads(3)
    with threadpoolctl.threadpool_limits(2):
        assert pylstm.get_threads() == 2
    assert pylstm.get_threads() == 3
    ours = [info for info in threadpoolctl.threadpool_info() if info["user_api"] == "pylstm"]
    assert [info["num_threads"] for info in ours] == [3]


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None, "2", 100_000])
def test_other_numbers_are_refused(wrong):
    before = pylstm.get_threads()
    with pytest.raises(ValueError, match=r"n_threads is .*, wanted a whole number from 1 to 1024"):
        pylstm.set_threads(wrong)
    assert pylstm.get_threads() == before
