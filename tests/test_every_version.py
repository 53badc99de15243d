"""Files as every version wrote them: loaded to the last bit, and gone on with to the same numbers.

bench/versions.py writes them.
"""

import json

import numpy as np
import pytest
from checkpoints import take_apart

import pylstm
from bench.versions import BEFORE, FOLDER, going_on, main, missing_classes, tolerance
from pylstm.registry import HOMES
from pylstm.schemas import SCHEMAS

OPTIMIZERS = ("SGD", "RMSprop", "Adam", "ObGD", "Decay")
FILES = sorted(FOLDER.glob("*/*.safetensors"))

each_file = pytest.mark.parametrize(
    "path", FILES, ids=[str(path.relative_to(FOLDER).with_suffix("")) for path in FILES]
)


@each_file
def test_arrays_come_back_to_the_last_bit(path, tmp_path):
    again = tmp_path / "again.safetensors"
    pylstm.save(pylstm.load(path), again)
    _, wanted = take_apart(path)
    _, found = take_apart(again)
    for name, array in wanted.items():
        if name not in found:  # an estimator had one network in 0.1.0, and one target
            name = name.replace("net.", "experts.nets.0.", 1)
            name = name.replace("model.spread.", "model.spread.0.", 1)
            name = name.replace("velocity", "first_moment")  # of a population
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


@each_file
def test_it_goes_on_to_the_same_numbers(path):
    wanted = json.loads(path.with_suffix(".json").read_text())["outputs"]
    close = tolerance(path)
    np.testing.assert_allclose(going_on(pylstm.load(path)), wanted, rtol=close, atol=close)


def test_every_class_has_a_file():
    assert missing_classes({*SCHEMAS, *HOMES, *OPTIMIZERS}, FILES) == set()
    assert missing_classes({"LSTM", "New"}, FILES) == {"New"}


def test_files_from_before_lack_what_came_later():
    document, _ = take_apart(FOLDER / BEFORE / "lstm.safetensors")
    state = document["objects"][-1]["state"]
    assert "leak" not in state["config"]
    assert "weight_decay" not in state["optimizer"]


def test_a_file_that_is_there_is_not_written_again(tmp_path, capsys):
    main(["--out", str(tmp_path)])
    files = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    assert len(files) > 80
    kept = next(iter(files))
    kept.write_bytes(b"as it was")
    main(["--out", str(tmp_path)])
    assert kept.read_bytes() == b"as it was"
    assert "0 files written" in capsys.readouterr().out
