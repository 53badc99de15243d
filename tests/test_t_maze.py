"""The agent that needs memory reaches the goal; by chance it would in half of the episodes."""

import pytest

from bench.t_maze import success, train


@pytest.mark.parametrize("seed", range(2))
def test_agent_remembers_the_sign(seed):
    assert success(train(10, seed, 2000), 10, seed) >= 0.9
