"""Where nothing can be compiled setup.py says so in one sentence. Nothing is compiled here."""

import runpy
import sys
import types
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform == "win32", reason="setuptools looks for the compiler there"),
]
SETUP = Path(__file__).resolve().parents[1] / "setup.py"


@pytest.fixture
def check_compiler(monkeypatch):
    """That of setup.py; what builds is not installed where the tests run, and stands aside."""
    names = {
        "Cython.Build": {"cythonize": list},
        "setuptools": {"Extension": lambda *args, **kwargs: None, "setup": lambda **kwargs: None},
        "setuptools.command.build_ext": {"build_ext": object},
        "setuptools.command.sdist": {"sdist": object},
        "setuptools.errors": {"CompileError": ValueError},
    }
    for module in ("Cython", "setuptools.command", *names):
        stand_in = types.ModuleType(module)
        vars(stand_in).update(names.get(module, {}))
        monkeypatch.setitem(sys.modules, module, stand_in)
    return runpy.run_path(str(SETUP))["check_compiler"]


def sentence(check_compiler):
    with pytest.raises(SystemExit) as caught:
        check_compiler()
    return str(caught.value)


def test_no_compiler(check_compiler, monkeypatch):
    monkeypatch.setenv("CC", "/nonexistent -O2")
    assert sentence(check_compiler) == (
        "pylstm needs a C compiler: '/nonexistent' was not found; set CC to one"
    )


@pytest.mark.parametrize(
    ("says", "told"),
    [("error: unknown option -std=c99", "error: unknown option -std=c99"), ("", "exit status 3")],
)
def test_a_compiler_that_is_too_old(says, told, check_compiler, monkeypatch, tmp_path):
    old = tmp_path / "old"
    old.write_text(f'#!/bin/sh\n[ -z "{says}" ] || echo "{says}" >&2\nexit 3\n')
    old.chmod(0o755)
    monkeypatch.setenv("CC", str(old))
    assert sentence(check_compiler) == (
        f"pylstm needs a compiler of C99: '{old}' refuses it ({told}); set CC to another"
    )


def test_no_headers_of_python(check_compiler, monkeypatch, tmp_path):
    new = tmp_path / "new"
    new.write_text("#!/bin/sh\nexit 0\n")
    new.chmod(0o755)
    monkeypatch.setenv("CC", str(new))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert sentence(check_compiler) == (
        f"pylstm needs the headers of Python: there is no Python.h in {tmp_path}"
    )
