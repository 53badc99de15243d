"""A streaming process killed at random moments and resumed ends as if it had never been."""

import sys

import pytest
from checkpoints import saved_bits

from pylstm.tabular import Session

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform == "win32", reason="no such signal there"),
]


@pytest.mark.parametrize("save_every", [1, 7])
def test_killed_and_resumed_ends_with_the_same_bits(save_every, tmp_path):
    from bench.killing import kill_and_resume

    outcome = kill_and_resume(
        tmp_path, n_kills=3, n_rows=150, save_every=save_every, seed=save_every
    )
    assert len(outcome.rows) == 3
    assert all(outcome.same)
    assert max(outcome.rows) > 0
    assert outcome.n_files == 2
    sessions = [tmp_path / name / "session.safetensors" for name in ("whole", "killed")]
    assert [Session.load(path).n_rows for path in sessions] == [150, 150]
    assert saved_bits(sessions[0]) == saved_bits(sessions[1])


@pytest.mark.parametrize("way", ["SIGTERM", "bad row", "full disk", "closed pipe"])
def test_ended_in_another_way_and_resumed_ends_with_the_same_bits(way, tmp_path):
    from bench.killing import end_and_resume

    assert end_and_resume(tmp_path, way, n_times=1, n_rows=2000, seed=1) == [""]
