"""Every example in a docstring runs, every public object has one, and the README's lines hold."""

import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import pylstm
from pylstm import _core

MODULES = [
    "pylstm",
    *(m.name for m in pkgutil.walk_packages(pylstm.__path__, "pylstm.") if "_" not in m.name[7:8]),
]
MODULES.remove("pylstm.spark")  # in tests/test_spark.py, where there is a session
METHODS = [
    (public, name)
    for public, base in ((pylstm.LSTM, _core.Network), (pylstm.Population, _core.PopulationBase))
    for name in dir(base)
    if not name.startswith("_")
]
TOP = Path(__file__).parent.parent


def test_example_of_running_scale():
    (example,) = doctest.DocTestFinder(recurse=False).find(pylstm.RunningScale, globs={})
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_module(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


@pytest.mark.parametrize(("public", "name"), METHODS)
def test_examples_of_method(public, name):
    method = getattr(public, name)
    finder = doctest.DocTestFinder(recurse=False)
    for example in finder.find(method, name, module=False, globs={}):
        assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize(
    "name", ["LSTM", "SGD", "Delayed", "Population", "RunningScale", "show_config"]
)
def test_public_object_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(pylstm, name))


@pytest.mark.parametrize(
    ("public", "name"), [(public, m) for public, m in METHODS if callable(getattr(public, m))]
)
def test_public_method_has_an_example(public, name):
    assert ">>>" in inspect.getdoc(getattr(public, name))


@pytest.mark.parametrize(
    "module", ["pylstm.baselines", "pylstm.estimators", "pylstm.river", "pylstm.sklearn"]
)
def test_public_object_of_estimators_has_an_example(module):
    module = importlib.import_module(module)
    for name in module.__all__:
        assert ">>>" in vars(getattr(module, name))["__doc__"]


@pytest.mark.parametrize("name", pylstm.tasks.__all__)
def test_public_object_of_tasks_has_an_example(name):
    assert ">>>" in vars(getattr(pylstm.tasks, name))["__doc__"]


@pytest.mark.parametrize("method", ["sample", "sequences", "wrong"])
def test_public_method_of_tasks_has_an_example(method):
    assert ">>>" in inspect.getdoc(getattr(pylstm.tasks.Task, method))


def test_the_lines_of_the_readme_run():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (TOP / "README.md").read_text("utf-8"), re.S):
        exec(block, names)
    assert names["loss"] < 0.05
    assert names["mae"].get() < 0.5
    assert names["low"] < names["high"]
    assert names["scores"].shape == (3,)


def test_network_of_the_guide_has_the_weights_it_states():
    guide = (TOP / "docs" / "guide" / "loop.md").read_text("utf-8")
    block = re.search(r"with its (\d+) weights:\n\n```python\n(.*?)```", guide, re.S)
    names = {"pylstm": pylstm}
    exec(block[2], names)
    assert names["net"].n_parameters == int(block[1])


def test_the_citation_is_of_this_version():
    citation = (TOP / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.M)[1] == version("pylstm")
