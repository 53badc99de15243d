"""What is imported with what: the core brings NumPy alone, an adapter its own library."""

import subprocess
import sys
from importlib import import_module

import pytest

OTHERS = (
    "joblib",
    "matplotlib",
    "onnx",
    "pandas",
    "river",
    "safetensors",
    "scipy",
    "sklearn",
    "tqdm",
)
CODE = "import sys, {0}; print(*sorted({{*{1}}} & set(sys.modules)))"

pytestmark = pytest.mark.processes


def brought_in_by(module):
    code = CODE.format(module, OTHERS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["pylstm", "pylstm.cli", "pylstm.estimators"])
def test_core_brings_no_other_library(module):
    assert brought_in_by(module) == set()


def test_core_does_not_bring_the_baselines():
    """Whoever only wants LSTM does not wait for the methods it was measured against."""
    code = "import sys, pylstm; print('pylstm.baselines' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_the_former_name_of_tabular_is_the_same_modules():
    code = "from pylstm.stream.session import Session; import pylstm.stream, pylstm.tabular as new"
    checks = "assert Session is new.Session is pylstm.stream.Session; assert pylstm.stream is new"
    subprocess.run([sys.executable, "-c", f"{code}; {checks}"], check=True)


def test_adapter_of_sklearn_does_not_bring_river():
    """The other way round river itself does."""
    pytest.importorskip("sklearn", reason="the extra [sklearn] is not installed")
    assert brought_in_by("pylstm.sklearn") & {"sklearn", "river"} == {"sklearn"}


def test_spark_that_is_missing_is_told():
    code = "import sys; sys.modules['pyspark'] = None; import pylstm.spark"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    told = "ImportError: pylstm.spark needs pyspark 4.1 or later, which is not installed: "
    assert done.stderr.splitlines()[-1] == f"{told}pip install 'pylstm[spark]'"


@pytest.mark.parametrize("adapter", ["river", "sklearn"])
def test_file_of_an_adapter_whose_library_is_missing(adapter, tmp_path):
    pytest.importorskip(adapter, reason=f"the extra [{adapter}] is not installed")
    path = tmp_path / "model.safetensors"
    import_module(f"pylstm.{adapter}").LSTMRegressor().save(path)
    code = f"import sys, pylstm; sys.modules[{adapter!r}] = None; pylstm.load({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"{adapter}.LSTMRegressor, which needs {adapter}" in done.stderr
