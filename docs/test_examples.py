"""The scripts of examples/, as they are: short, within a minute, with a picture."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
EXAMPLES = sorted((TOP / "examples").glob("*.py"))


def test_there_are_six():
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example(script, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    picture = tmp_path / "picture.png"
    subprocess.run([sys.executable, script, picture], check=True, cwd=TOP, timeout=60)
    assert picture.stat().st_size > 10_000
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 60
