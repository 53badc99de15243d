"""Checkpoints: whatever was saved goes on with the same bits; whatever is wrong is refused."""

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from checkpoints import put_together, saved_bits, take_apart, write_safetensors
from nets import NETS, assert_same_bits, assert_same_future, build, random_task
from test_persistence import MOMENTS, net_at

import pylstm
from pylstm import checkpoint
from pylstm.checkpoint import CheckpointError, register
from pylstm.tabular import Session, Settings

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no such thing there")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "saved.safetensors"


# ---------------------------------------------------------------- going on


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("moment", MOMENTS)
def test_network_resumes_with_the_same_bits(moment, architecture, dtype, path):
    net, undisturbed = (net_at(moment, architecture, dtype) for _ in range(2))
    net.save(path)
    resumed = pylstm.load(path)
    assert type(resumed) is pylstm.LSTM
    assert resumed.dtype == net.dtype
    assert resumed.optimizer == net.optimizer
    assert_same_future(resumed, undisturbed, architecture)
    assert_same_future(net, net_at(moment, architecture, dtype), architecture)


def test_population_resumes_with_the_same_bits(architecture, dtype, path, rng):
    optimizers = [pylstm.SGD(0.05 * k, momentum=0.5) for k in range(17)]
    switches = architecture.keywords()
    population = pylstm.Population(17, **switches, dtype=dtype, optimizer=optimizers)
    inputs, targets = random_task(architecture, 11, rng, "dense")
    population.run(inputs, targets, update=4)
    population.save(path)
    resumed = pylstm.Population.load(path)
    assert resumed.optimizer == population.optimizer
    for update in (5, "step", "sequence"):
        assert_same_bits(*(p.run(inputs, targets, update) for p in (resumed, population)))
    assert_same_bits(resumed.parameters, population.parameters)
    assert_same_bits(resumed.state, population.state)


@pytest.mark.parametrize("update", [5, "step", "sequence"])
def test_streams_resume_with_the_same_bits(architecture, update, path, rng):
    streams = pylstm.Streams(build(architecture, momentum=0.5), n_streams=3)
    tasks = [random_task(architecture, 7, rng, "dense") for _ in range(3)]
    X, targets = (np.stack(parts, axis=1) for parts in zip(*tasks, strict=True))
    streams.run(X, targets, update=update)
    streams.reset([1])
    streams.step(X[0])
    pylstm.save(streams, path)
    resumed = pylstm.load(path)
    assert_same_bits(resumed.state, streams.state)
    for model in (resumed, streams):
        model.learn(targets[0], update=False)
    assert_same_bits(*(s.run(X, targets, update=3) for s in (resumed, streams)))
    assert_same_bits(dict(resumed.net.parameters), dict(streams.net.parameters))


def test_session_resumes_with_the_same_bits(path, rng):
    settings = Settings(target="b", inputs=("a", "b"), horizon=2, season=5, momentum=0.5)
    rows = rng.normal(size=(60, 2))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    session = Session(settings, ["a", "b"])
    for row in rows[:30]:
        session.update(row, row[1])
    session.save(path)
    resumed = pylstm.load(path)
    assert (resumed.settings, resumed.columns, resumed.n_rows) == (settings, ["a", "b"], 30)
    twin = session.copy()
    for row in rows[30:]:
        forecast = session.update(row, row[1])
        assert resumed.update(row, row[1]) == twin.update(row, row[1]) == forecast
    assert resumed.scores.total() == session.scores.total()


def test_the_same_object_gives_the_same_bytes(path, tmp_path):
    net = net_at(MOMENTS[3], NETS["everything"])
    net.save(path)
    again = tmp_path / "again.safetensors"
    pylstm.load(path).save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("n_before", [1, 700])
@pytest.mark.parametrize("update", [None, "step", 1, 3, 100, "sequence"])
def test_a_file_does_not_tell_how_often_the_network_was_resumed(
    n_before, update, architecture, tmp_path
):
    """Over more steps than a record has rows: nothing that older steps have left is saved."""
    inputs, targets = random_task(architecture, n_before + 1300, np.random.default_rng(3))
    paths = [tmp_path / name for name in ("resumed", "undisturbed")]
    undisturbed = build(architecture, "float32", learning_rate=0.01)
    for part in (slice(0, n_before), slice(n_before, None)):
        undisturbed.save(paths[0])
        resumed = pylstm.load(paths[0])
        for net in (resumed, undisturbed):
            if update is None:
                net.run(inputs[part])
            else:
                net.run(inputs[part], targets[part], update=update)
        for net, path in zip((resumed, undisturbed), paths, strict=True):
            net.save(path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_file_is_what_its_description_says(path):
    net = net_at(MOMENTS[2], NETS["2000"])
    net.save(path)
    document, arrays = take_apart(path)
    assert document["format"] == 1
    assert document["version"] == pylstm.__version__
    assert document["class"] == document["objects"][-1]["class"] == "LSTM"
    state = net.__getstate__()
    assert sorted(arrays) == sorted(k for k, v in state.items() if isinstance(v, np.ndarray))
    for name, values in arrays.items():
        assert_same_bits(values, state[name])
    saved = document["objects"][-1]["state"]
    assert saved["config"] == state["config"]
    assert saved["parameters"] == {"$array": "parameters"}


@pytest.mark.processes
def test_files_are_read_when_they_are_and_not_before():
    """Nothing of safetensors is imported until something is saved or loaded."""
    code = "import sys, pylstm.cli; print('safetensors' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "False\n"


@pytest.mark.processes
def test_a_session_is_loaded_where_nobody_has_asked_for_sessions(path):
    Session(Settings(target="a"), ["a"]).save(path)
    code = "import sys, pylstm; print(type(pylstm.load(sys.argv[1])).__name__)"
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert run.stdout == "Session\n"


# ---------------------------------------------------------------- what a state may hold


@register
class Holder:
    """Anything as a state."""

    def __init__(self, **values):
        self.values = values

    def __getstate__(self):
        return self.values

    def __setstate__(self, state):
        self.values = state


class Slots(Holder):
    pass


def there_and_back(path, **values):
    pylstm.save(Holder(**values), path)
    return pylstm.load(path).values


VALUES = [
    None, True, False, 0, -3, 2**53 + 1, -(2**200), 0.1, -0.0, 5e-324, 1.7976931348623157e308,
    "", "text", 'quotes " and \\ and \u20ac and \U0001f600', [], [1, [2.5, None]], {},
    {"a": {"b": 1}}, (), (1, (2, [3, (4,)])), {"$array": "x"}, {"$": 1, "b": (1,)},
    {1: "a", None: "b", (1, 2): "c"}, {True: 1.5, "True": 2.5},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value, path):
    back = there_and_back(path, value=value)["value"]
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_values_json_has_no_words_for(value, path):
    back = there_and_back(path, value=value, values=[value, (value,)])
    assert repr(back) == repr({"value": value, "values": [value, (value,)]})


@pytest.mark.parametrize("value", [np.float32(0.1), np.int64(-7), np.bool_(True), np.str_("a")])
def test_numpy_scalars_come_back_as_plain_values(value, path):
    back = there_and_back(path, value=value)["value"]
    assert back == value
    assert type(back) in (float, int, bool, str)


ARRAYS = {
    "special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "payload": np.array([0x7FF8000000001234], np.uint64).view(np.float64),
    "float32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "float16": np.float16([1.5]),
    "bool": np.array([[True], [False]]),
    "uint8": np.arange(3, dtype=np.uint8),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "uint64": np.array([2**64 - 1], np.uint64),
    "empty": np.zeros((0, 3), np.float32),
    "scalar": np.array(2.5),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "every second": np.arange(10)[::2],
    "read-only": np.broadcast_to(np.float32(3), (2, 2)),
}


@pytest.mark.parametrize("name", list(ARRAYS))
def test_arrays_come_back(name, path):
    array = ARRAYS[name]
    back = there_and_back(path, value=array)["value"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.owndata or not np.shares_memory(back, array)


def test_an_array_of_the_other_byte_order_keeps_its_numbers(path):
    back = there_and_back(path, value=np.arange(3, dtype=">f8"))["value"]
    assert_same_bits(back, np.arange(3.0))


def test_names_that_look_alike(path):
    """Arrays are named by their places, and two places may have one name."""
    tree = {"a": {"b": np.zeros(1)}, "a.b": np.ones(1), "c": [np.full(1, 2), {"0": np.full(1, 3)}]}
    back = there_and_back(path, **tree)
    assert [back["a"]["b"][0], back["a.b"][0], back["c"][0][0], back["c"][1]["0"][0]] == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_generators_go_on_and_have_the_same_children(bits, path):
    generator = np.random.Generator(getattr(np.random, bits)(2**70 + 1))
    generator.integers(0, 10, 3, dtype=np.uint32)
    generator.spawn(2)
    twin = copy.deepcopy(generator)
    back = there_and_back(path, rng=generator)["rng"]
    for _ in range(2):
        wanted = twin.integers(0, 2**32, 5, dtype=np.uint32)
        assert_same_bits(back.integers(0, 2**32, 5, dtype=np.uint32), wanted)
        assert back.random() == twin.random()
        back, twin = back.spawn(1)[0], twin.spawn(1)[0]


def test_objects_in_objects(path):
    """One object in two places stays one; others stay two."""
    net = net_at(MOMENTS[1], NETS["default"])
    back = there_and_back(path, nets=[net, net.copy()], deep={"streams": pylstm.Streams(net, 2)})
    first, second = back["nets"]
    assert back["deep"]["streams"].net is first
    assert second is not first
    document, arrays = take_apart(path)
    assert [saved["class"] for saved in document["objects"]] == [
        "LSTM",
        "LSTM",
        "Streams",
        "Holder",
    ]
    assert {"nets.0.parameters", "nets.1.parameters", "deep.streams.record"} <= set(arrays)


def test_a_class_without_state_methods_keeps_its_attributes(path):
    @register
    class Plain:
        pass

    plain = Plain()
    plain.n, plain.values = 3, np.arange(2.0)
    pylstm.save(plain, path)
    back = pylstm.load(path)
    assert (type(back), back.n) == (Plain, 3)
    back.values += 1
    assert_same_bits(back.values, np.array([1.0, 2.0]))


def test_a_class_with_a_name_of_its_own(path):
    class Named(Holder):
        pass

    assert register(Named, name="mine.Named") is Named
    pylstm.save(Named(a=1), path)
    assert take_apart(path)[0]["class"] == "mine.Named"
    assert type(pylstm.load(path)) is Named
    with pytest.raises(ValueError, match=r"'mine\.Named', the name of"):
        register(Slots, name="mine.Named")


class Loop(Holder):
    pass


register(Loop)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "class set in its part"),
        (b"bytes", "class bytes in its part"),
        (object(), "class object in its part"),
        (Slots(), "class Slots in its part"),
        (lambda: 0, "class function in its part"),
        (1j, "class complex in its part"),
        (np.array(["a"]), "array of <U1 in its part"),
        (np.array([None]), "array of object in its part"),
        (np.array([1j]), "array of complex128 in its part"),
        (np.ma.masked_array([1.0], [True]), "class MaskedArray in its part"),
        (np.random.RandomState(0), "class RandomState in its part"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_place_in_a_file_is_refused(value, message, path):
    path.write_text("old")
    for part in (value, [value]):
        with pytest.raises(TypeError, match=f"cannot save an? .*{message}") as caught:
            pylstm.save(Holder(part=part), path)
        assert "registered" in str(caught.value)
    assert path.read_text() == "old"


def test_only_registered_classes_are_saved(path):
    class Mine(pylstm.LSTM):
        pass

    for thing in (Mine(1, 1, 1), "text", {"a": {1}}, None):
        with pytest.raises(TypeError, match="cannot save an object of class"):
            pylstm.save(thing, path)
    assert not path.exists()


def test_an_object_in_itself_is_refused(path):
    loop = Loop()
    loop.values["self"] = [loop]
    with pytest.raises(TypeError, match="a Loop that is part of itself"):
        pylstm.save(loop, path)


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def saved(path):
    net_at(MOMENTS[5], NETS["everything"]).save(path)
    return path


def refusal(path, load=pylstm.load):
    """The one sentence."""
    with pytest.raises(CheckpointError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"cannot load {path}: ")
    assert "\n" not in message
    return message


def test_the_error_is_one_the_command_line_tells():
    assert issubclass(CheckpointError, pylstm.errors.InputError)
    assert issubclass(CheckpointError, ValueError)


def test_changed_and_cut_files_are_refused_or_unharmed(saved, tmp_path, rng):
    """200 changes of one byte, all over the file, and 60 cuts: nothing that is loaded is wrong."""
    content, wanted = saved.read_bytes(), saved_bits(saved)
    end = 8 + int.from_bytes(content[:8], "little")
    places = [*rng.integers(0, end, 120), *rng.integers(end, len(content), 60), *range(20)]
    damaged, n_refused = tmp_path / "damaged.safetensors", 0
    for place in places:
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        damaged.write_bytes(changed)
        try:
            loaded = pylstm.load(damaged)
        except CheckpointError:
            n_refused += 1
        else:
            loaded.save(damaged)
            assert saved_bits(damaged) == wanted
    assert n_refused > 190
    for length in [*rng.integers(0, len(content), 50), *range(9), len(content) - 1]:
        damaged.write_bytes(content[:length])
        assert "wanted an undamaged file" in refusal(damaged)
    damaged.write_bytes(content + b"\0")
    assert "wanted an undamaged file" in refusal(damaged)


def test_every_array_is_under_the_checksum(saved):
    document, arrays = take_apart(saved)
    for name, array in arrays.items():
        if array.size:
            other = array.copy()
            other.reshape(-1).view(np.uint8)[0] ^= 1
            put_together(saved, document, arrays | {name: other}, sign=False)
            assert "its checksum is wrong" in refusal(saved)


def write_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


FOREIGN = {
    "empty": (lambda path: path.write_bytes(b""), "wanted an undamaged file"),
    "text": (lambda path: path.write_text("load,wind\n1,2\n" * 9), "wanted an undamaged file"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "wanted an undamaged file"),
    "array": (write_array, "wanted an undamaged file"),
    "huge": (lambda path: path.write_bytes(b"\xff" * 100), "wanted an undamaged file"),
    "folder": (lambda path: path.mkdir(), "cannot load"),
    "other program": (
        lambda path: write_safetensors(path, {"format": "pt"}, {"weight": np.ones(3)}),
        "it is a safetensors file of another program, wanted one written by pylstm.save",
    ),
    "no object": (
        lambda path: write_safetensors(path, {"pylstm": "[1, 2]"}, {}),
        "wanted an undamaged file",
    ),
    "no JSON": (
        lambda path: write_safetensors(path, {"pylstm": "{"}, {}),
        "wanted an undamaged file",
    ),
    "deep JSON": (
        lambda path: write_safetensors(path, {"pylstm": "[" * 100_000}, {}),
        "wanted an undamaged file",
    ),
}


@pytest.mark.parametrize("case", list(FOREIGN))
def test_foreign_files_are_refused(case, path):
    write, message = FOREIGN[case]
    write(path)
    assert message in refusal(path)


def test_missing_file(path):
    assert refusal(path).endswith(": there is no such file")
    assert refusal(path, Session.load).endswith(": there is no such file")


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
def test_unreadable_file(saved):
    saved.chmod(0)
    assert "Permission denied" in refusal(saved)


def test_newer_format(saved):
    document, arrays = take_apart(saved)
    put_together(saved, document | {"format": 2, "version": "9.1"}, arrays)
    assert "it has format 2, written by pylstm 9.1, wanted format 1" in refusal(saved)


def renamed(document, name):
    objects = [dict(saved) for saved in document["objects"]]
    objects[-1]["class"] = name
    return document | {"class": name, "objects": objects}


@pytest.mark.parametrize("name", ["GRU", "os.system", "pylstm.LSTM", "builtins.eval", ""])
def test_unknown_class(name, saved):
    document, arrays = take_apart(saved)
    put_together(saved, renamed(document, name), arrays)
    assert f"it is of class {name}, wanted one of " in refusal(saved)


@pytest.mark.parametrize("cls", [pylstm.Population, pylstm.Streams, Session])
def test_another_class_than_asked_for(cls, saved):
    message = refusal(saved, cls.load)
    assert message.endswith(f"it is of class LSTM, wanted {cls.__name__}")


@pytest.mark.parametrize("name", ["Population", "Streams", "Session", "Holder"])
def test_the_state_of_another_class(name, saved):
    document, arrays = take_apart(saved)
    put_together(saved, renamed(document, name), arrays)
    if name != "Holder":
        assert "its parts do not fit together" in refusal(saved)


def with_state(document, **changes):
    """The document with other entries in the state of its object."""
    objects = [dict(saved) for saved in document["objects"]]
    objects[-1]["state"] = objects[-1]["state"] | changes
    return document | {"objects": objects}


@pytest.mark.parametrize("switch", [{"n_blocks": 3}, {"peepholes": False}, {"n_inputs": 2}])
def test_weights_of_another_architecture(switch, saved):
    document, arrays = take_apart(saved)
    config = document["objects"][-1]["state"]["config"] | switch
    put_together(saved, with_state(document, config=config), arrays)
    assert "its parts do not fit together" in refusal(saved)


def test_arrays_of_another_shape_or_dtype(saved):
    document, arrays = take_apart(saved)
    assert len(arrays) > 5
    for name, array in arrays.items():
        longer = np.concatenate([array, array[:1], np.zeros(9, array.dtype)])
        wider = array.astype("float32" if array.dtype == np.float64 else "float64")
        for wrong in (longer, wider, array[None], array.astype("int8")):
            put_together(saved, document, arrays | {name: wrong})
            assert "its parts do not fit together" in refusal(saved)
        put_together(saved, document, {k: v for k, v in arrays.items() if k != name})
        assert "its parts do not fit together" in refusal(saved)
    put_together(saved, document, arrays | {"more": np.ones(2)})
    assert "array 'more' has no place" in refusal(saved)


def test_entries_that_are_missing_or_senseless(saved):
    document, arrays = take_apart(saved)
    state = document["objects"][-1]["state"]
    for name, value in state.items():
        objects = [{"class": "LSTM", "state": {k: v for k, v in state.items() if k != name}}]
        rest = {k: v for k, v in arrays.items() if k != name}
        put_together(saved, document | {"objects": objects}, rest)
        assert "do not fit together" in refusal(saved)
        senseless = "nonsense" if not isinstance(value, str) else 3
        put_together(saved, with_state(document, **{name: senseless}), arrays)
        assert "do not fit together" in refusal(saved)


def test_words_that_mean_nothing(saved):
    document, arrays = take_apart(saved)
    for word in (
        {"$array": "nowhere"}, {"$array": []}, {"$float": "three"}, {"$object": 5}, {"$object": -9},
        {"$dict": [1]}, {"$dict": [[[], 1]]},
        {"$generator": {"bits": {"bit_generator": "default_rng"}}},
        {"$generator": {"bits": {"bit_generator": "PCG64"}, "children": {"code": "1"}}},
        {"$generator": {}},
    ):  # fmt: skip
        put_together(saved, with_state(document, format=word), arrays)
        assert "do not fit together" in refusal(saved)


def test_objects_that_are_none(saved):
    document, arrays = take_apart(saved)
    for objects in ([], [{}], 3, [{"class": "LSTM"}], [{"class": "LSTM", "state": 3}]):
        put_together(saved, document | {"objects": objects}, arrays)
        assert "do not fit together" in refusal(saved)
    put_together(saved, document | {"class": ["LSTM"]}, arrays)
    refusal(saved)


def test_a_session_whose_network_is_another(path, rng):
    sessions = [Session(Settings(target="a", cells=cells), ["a"]) for cells in (4, 5)]
    nets = []
    for session in sessions:
        for row in rng.normal(size=(9, 1)):
            session.update(row, row[0])
        session.save(path)
        nets.append(take_apart(path))
    (other, _), (document, arrays) = nets
    kind = dict(document["objects"][-1]["state"]["kind"])
    experts = other["objects"][-1]["state"]["kind"]["model"]["experts"]
    kind["model"] = kind["model"] | {"experts": experts}
    put_together(path, with_state(document, kind=kind), arrays)
    assert "do not fit together" in refusal(path)


# ---------------------------------------------------------------- files that are old or new


def failing_write(tmp_path, act):
    """What `act` raises, with what is in the folder before and after."""
    before = {entry: entry.read_bytes() for entry in tmp_path.iterdir()}
    with pytest.raises(pylstm.errors.InputError) as caught:
        act()
    assert {entry: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    return str(caught.value)


@POSIX
def test_a_disk_that_is_full_leaves_the_old_file(saved, tmp_path):
    """A write stopped by the system, here by the limit of the size of a file."""
    import resource

    big = pylstm.LSTM(n_inputs=100, n_outputs=1, n_blocks=64)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        message = failing_write(tmp_path, lambda: big.save(saved))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert message == f"cannot write {saved}: File too large"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_later_leaves_the_old_file(call, saved, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    net = pylstm.LSTM(1, 1, 1)
    message = failing_write(tmp_path, lambda: net.save(saved))
    assert message == f"cannot write {saved}: No space left on device"


def test_where_nothing_can_be_written(tmp_path):
    path = tmp_path / "nowhere" / "net.safetensors"
    with pytest.raises(pylstm.errors.InputError, match=f"cannot write {path}: No such file"):
        pylstm.LSTM(1, 1, 1).save(path)


# Kills itself before or after a call that writes, and says how far it came.
DYING = """
import os, signal, sys
import pylstm
from pylstm import files

call, when, path = sys.argv[1:]
module = os if hasattr(os, call) else files
real = getattr(module, call)

def dying(*args, **keywords):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*args, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, call, dying)
net = pylstm.LSTM(1, 1, 1)
net.step([1.0])
net.save(path)
"""


@POSIX
@pytest.mark.processes
@pytest.mark.parametrize(
    ("call", "when", "is_new"),
    [
        ("_remove_abandoned", "before", False),
        ("fsync", "before", False),
        ("fsync", "after", False),
        ("replace", "before", False),
        ("replace", "after", True),
    ],
)
def test_a_process_killed_while_saving(call, when, is_new, path):
    pylstm.LSTM(1, 1, 1).save(path)
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(DYING), call, when, str(path)])
    assert run.returncode == -signal.SIGKILL
    assert pylstm.load(path).n_steps == is_new
    # What the dead process had begun is gone after the next save, what a living one has is not.
    other = path.with_name(f".{path.name}.123.0.tmp")
    with files_in_use(other):
        pylstm.LSTM(1, 1, 2).save(path)
        assert sorted(path.parent.iterdir()) == sorted([path, other])
    pylstm.LSTM(1, 1, 2).save(path)
    assert list(path.parent.iterdir()) == [path]


def files_in_use(path):
    from pylstm.files import _locked

    return _locked(path)


def test_two_saves_of_one_process_do_not_meet(path):
    """A file begun stays when the same file is written meanwhile; the last to end counts."""
    from pylstm.files import written_whole

    with written_whole(path) as first:
        first.write_bytes(b"first")
        with written_whole(path) as second:
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_document_is_json_as_the_standard_has_it(path):
    """No NaN, no Infinity: other programs can read it too."""
    pylstm.save(Holder(values=[np.nan, np.inf], key={2: np.nan}), path)
    document, _ = take_apart(path)
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document
    assert document["format"] == checkpoint.FORMAT
