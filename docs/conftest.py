"""Every code block of the guide is a test: Python in one namespace a page, shell in one folder."""

import os
import subprocess
import sys
from doctest import ELLIPSIS
from importlib.util import find_spec
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

TOP = Path(__file__).parent.parent


def run_shell(example):
    """Run a block of shell where the blocks before it on the page ran; any failure is one."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example.parsed],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        return f"exit code {done.returncode}\n{done.stdout}"
    return None


@pytest.fixture(scope="module", autouse=True)
def folder_of_the_page(tmp_path_factory):
    """An empty folder to run in."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("page"))
    yield
    os.chdir(before)


def set_up(namespace):
    """What the skip directive of a block may ask: whether a module is not installed."""
    namespace["missing"] = lambda name: find_spec(name) is None


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
        CodeBlockParser("sh", run_shell),
        SkipParser(),
    ],
    patterns=["*.md"],
    excludes=["_build/*"],
    setup=set_up,
    fixtures=["folder_of_the_page"],
).pytest()


def pytest_configure(config):
    """Let Keras on PyTorch warn about itself."""
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")
