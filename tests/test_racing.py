"""Two threads on one object, every two of its verbs: right or refused, never torn.

See `bench/racing.py`; ``python -m bench race --seconds N`` goes on for longer.
"""

import pytest

from bench.racing import race_all

pytestmark = pytest.mark.processes

KINDS = ["LSTM", "scaled LSTM", "large LSTM", "bptt", "Streams", "large Streams", "Population"]
LOCKLESS = ["Delayed", "Regressor", "Classifier", "Forecaster"]


@pytest.mark.parametrize("name", [*KINDS, *LOCKLESS])
def test_two_threads_on_one_object(name):
    outcome = race_all(name, seconds=0.4)
    assert not outcome.faults, "\n".join(sorted(set(outcome.faults))[:10])
    assert outcome.races > 0
    assert outcome.made > 0
