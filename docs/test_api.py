"""Every public object has its place among the pages of the API."""

import importlib
import re
from pathlib import Path

import pytest

PAGES = "\n".join(path.read_text() for path in (Path(__file__).parent / "api").glob("*.rst"))
MODULES = [
    "pylstm",
    "pylstm.analysis",
    "pylstm.baselines",
    "pylstm.estimators",
    "pylstm.experiments",
    "pylstm.interchange",
    "pylstm.onnx",
    "pylstm.river",
    "pylstm.sklearn",
    "pylstm.spark",
    "pylstm.tasks",
]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_object_is_on_a_page(module):
    if module == "pylstm.spark":
        pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
    documented = set(re.findall(r"^\.\. auto\w+:: (\S+)$", PAGES, re.M))
    public = {f"{module}.{name}" for name in importlib.import_module(module).__all__}
    assert public - documented <= {"pylstm.__version__", "pylstm.tasks"}
