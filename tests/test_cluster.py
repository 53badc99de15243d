"""Ray and Dask: clusters of this machine; shards of a bank that die, joblib's backends."""

import json
import os
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pytest
from tiny_rows import TINY

import pylstm
from pylstm.cli import main
from pylstm.estimators import Bank, Regressor
from pylstm.experiments import reproduce

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings("default")]

HERE = str(Path(__file__).parent)
N_SHARDS = 2


@contextmanager
def ray_cluster():
    """Two workers of Ray that know what the tests import."""
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    paths = os.pathsep.join([HERE, *filter(None, [os.environ.get("PYTHONPATH")])])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    try:
        from ray.util.joblib import register_ray

        register_ray()
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def dask_cluster():
    """Two processes of Dask that know what the tests import."""
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two,
        distributed.Client(two) as client,
    ):
        client.run(sys.path.insert, 0, HERE)
        yield client


CLUSTERS = {"ray": ray_cluster, "dask": dask_cluster}


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(request):
    with CLUSTERS[request.param]() as one:
        yield request.param, one


# ---------------------------------------------------------------- shards of a bank


class Shard:
    """The keys of one actor; what it has saved is there again when it is made again."""

    def __init__(self, path):
        self.path = path
        self.bank = Bank.load(path) if os.path.exists(path) else Bank(Regressor(4))

    def n_rows(self):
        return self.bank.n_rows

    def run(self, keys, X, y):
        return self.bank.run(keys, X, y)

    def save(self):
        self.bank.save(self.path)

    def die(self):
        os._exit(1)


def rows(n_rows=400, n_keys=30):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3))
    keys = [f"key {k}" for k in rng.integers(0, n_keys, n_rows)]
    return keys, X, X[:, 0] + rng.normal(scale=0.1, size=n_rows)


def shard_of(key):
    return zlib.crc32(key.encode()) % N_SHARDS


def test_shards_equal_one_bank_though_one_dies(cluster, tmp_path):
    """What a shard learned after its last save is sent to it again; nothing is learned twice."""
    name, one = cluster
    keys, X, y = rows()
    wanted = Bank(Regressor(4)).run(keys, X, y)
    of_shard = [np.flatnonzero([shard_of(key) == k for key in keys]) for k in range(N_SHARDS)]

    def actor(k):
        path = str(tmp_path / f"{k}.safetensors")
        if name == "ray":
            return one.remote(Shard).remote(path)
        return one.submit(Shard, path, actor=True, pure=False).result()

    def call(shard, method, *arguments):
        if name == "ray":
            return one.get(getattr(shard, method).remote(*arguments))
        return getattr(shard, method)(*arguments).result()

    found = np.full(len(y), np.nan)
    shards = [actor(k) for k in range(N_SHARDS)]
    for k, shard in enumerate(shards):
        for start in range(0, len(of_shard[k]), 50):
            part = of_shard[k][start : start + 50]
            call(shard, "run", [keys[row] for row in part], X[part], y[part])
            if start == 50:
                call(shard, "save")
    with pytest.raises(Exception, match=r"(?i)actor|worker"):
        call(shards[1], "die")
    shards[1] = actor(1)
    assert call(shards[1], "n_rows") == 100
    for k, shard in enumerate(shards):
        for start in range(call(shard, "n_rows"), len(of_shard[k]), 50):
            part = of_shard[k][start : start + 50]
            found[part] = call(shard, "run", [keys[row] for row in part], X[part], y[part])
    again = of_shard[1][100:]
    assert len(again) > 50
    np.testing.assert_array_equal(found[again], wanted[again])
    assert np.isnan(np.delete(found, again)).all()


# ---------------------------------------------------------------- joblib


@pytest.fixture
def tiny(monkeypatch):
    """The rows of the experiments are the small ones."""
    monkeypatch.setattr(pylstm.experiments.rows, "ROWS", TINY)
    monkeypatch.setattr(reproduce, "ROWS", TINY)


def results(folder):
    trials = sorted((folder / "trials").glob("*.json"))
    return [{**json.loads(path.read_text()), "seconds": None} for path in trials]


def test_reproduce_gives_the_same_table(cluster, tiny, tmp_path):
    options = ["reproduce", "quick", "exam", "--trials", "2", "--no-plots", "--no-progress"]
    assert main([*options, "--jobs", "1", "--out", str(tmp_path / "here")]) == 0
    with joblib.parallel_config(cluster[0]):
        assert main([*options, "--jobs", "2", "--out", str(tmp_path / "there")]) == 0
    there = results(tmp_path / "there")
    assert len(there) == 8
    assert there == results(tmp_path / "here")


def test_a_grid_search_chooses_the_same(cluster):
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

    from pylstm.sklearn import LSTMRegressor

    _, X, y = rows(200)
    grid = {"n_cells": [2, 4], "feedback": [True, False]}
    search = GridSearchCV(LSTMRegressor(n_epochs=1), grid, cv=TimeSeriesSplit(3))
    here = search.fit(X, y).cv_results_["split1_test_score"]
    with joblib.parallel_config(cluster[0], n_jobs=2):
        there = search.fit(X, y).cv_results_["split1_test_score"]
    np.testing.assert_array_equal(there, here)
    assert len(set(here)) == 4
