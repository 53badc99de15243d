"""The agent that needs memory reaches the goal; by chance it would in half of the episodes."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("seed", range(5))
def test_agent_remembers_the_sign(seed, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from bench.t_maze import success, train

    assert success(train(10, seed, 2000), 10, seed) >= 0.9
