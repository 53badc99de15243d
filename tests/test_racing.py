"""Two threads on one object, every two of its verbs: right or refused, never torn.

See `bench/racing.py`; ``python -m bench race --seconds N`` goes on for longer.
"""

from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

KINDS = ["LSTM", "scaled LSTM", "large LSTM", "bptt", "Streams", "large Streams", "Population"]
LOCKLESS = ["Delayed", "Regressor", "Classifier", "Forecaster"]


@pytest.mark.parametrize("name", [*KINDS, *LOCKLESS])
def test_two_threads_on_one_object(name, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1])
    from bench.racing import race_all

    outcome = race_all(name, seconds=2)
    assert not outcome.faults, "\n".join(sorted(set(outcome.faults))[:10])
    assert outcome.races > 0
    assert outcome.made > 0
