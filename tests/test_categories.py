"""Text among the features: the same as an indicator a value, given by hand."""

import math

import numpy as np
import pytest
from estimators import everything, learn, prediction

import pylstm
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor

COLOURS = ["red", "blue", None, "red", "", "green", "red", "blue", None]
MODELS = {
    "regressor": Regressor, "classifier": Classifier, "forecaster": Forecaster,
    "late": lambda n: Regressor(n, delay=2), "calendar": lambda n: Regressor(n, calendar="day"),
}  # fmt: skip


def rows(n_rows=40):
    return [{"n": float(t % 5), "colour": COLOURS[t % 9]} for t in range(n_rows)]


def by_hand(xs):
    """The numbers that rows of text stand for, an indicator as soon as its value has come."""
    known = []
    for x in xs:
        x = dict(x)
        colour = x.pop("colour", None)
        if colour is not None and colour not in known:
            known.append(colour)
        shares = {("colour", v): math.nan if colour is None else float(v == colour) for v in known}
        yield x | shares


def states(model):
    state = model.__getstate__()
    state["features"] |= {"categories": None}
    return {name: str(value) for name, value in state.items()}


@pytest.mark.parametrize("name", list(MODELS))
def test_text_is_an_indicator_a_value(name):
    text, numbers = MODELS[name](4), MODELS[name](4)
    xs, ys = rows(), [str(t % 3) if name == "classifier" else t % 7 for t in range(40)]
    learn(text, xs, ys)
    learn(numbers, by_hand(xs), ys)
    values = ["red", "blue", "", "green"]
    assert text.feature_names == numbers.feature_names
    assert set(text.feature_names) == {"n", *(("colour", value) for value in values)}
    assert states(text) == states(numbers)
    if name == "late":
        return
    for colour in (*values, None, "never seen"):
        x = {"n": 1.0, "colour": colour}
        given = {("colour", v): math.nan if colour is None else float(v == colour) for v in values}
        wanted = prediction(numbers, {"n": 1.0} | given)
        assert prediction(text, x) == wanted
        for other in (text.copy(), pylstm.from_bytes(text.to_bytes())):
            assert everything(other) == everything(text)
            assert prediction(other, x) == wanted


def test_features_of_a_detector():
    text, numbers = Detector(4), Detector(4)
    for t, (x, given) in enumerate(zip(rows(), by_hand(rows()), strict=True)):
        assert text.score_one(x, float(t % 6)) == numbers.score_one(given, float(t % 6))
        text.learn_one(x, float(t % 6))
        numbers.learn_one(given, float(t % 6))
    before = everything(text)
    with pytest.raises(TypeError, match="feature 'colour' is 3, wanted text as before"):
        text.learn_one({"colour": 3}, {None: 1.0, "new": 2.0})
    assert everything(text) == before


@pytest.mark.parametrize("missing", [None, math.nan, np.float32("nan"), np.ma.masked])
def test_what_begins_without_a_value_may_be_either(missing, tmp_path):
    model = Regressor(4)
    model.learn_one({"a": missing, "b": missing, "c": 1.0}, 1.0)
    model.learn_one({"a": missing, "c": 2.0}, 1.0)
    model.save(tmp_path / "model")
    for one in (model, model.copy(), pylstm.load(tmp_path / "model")):
        assert one.predict_one({"a": "x", "b": 1.0}) == one.predict_one({})
        one.learn_one({"a": "x", "b": 1.0, "c": 1.0}, 2.0)
        assert one.feature_names == [("a", "x"), "b", "c"]
        assert one.net.n_inputs == 2 + 6
        with pytest.raises(TypeError, match="feature 'b' is 'x', wanted a number as before"):
            one.learn_one({"b": "x"}, 1.0)
        with pytest.raises(TypeError, match=r"feature 'a' is 1\.0, wanted text as before"):
            one.learn_one({"a": 1.0}, 1.0)


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        ({"new": 1.0, "n": "red"}, "feature 'n' is 'red', wanted a number as before"),
        ({"new": 1.0, "colour": True}, "feature 'colour' is True, wanted text as before"),
        ({"new": 1.0, "colour": b"red"}, "feature 'colour' is b'red', wanted text as before"),
        ({"new": "12.5"}, "feature 'new' is '12.5', which reads as a number: wanted a number, or"),
        ({"colour": "nan"}, "feature 'colour' is 'nan', which reads as a number"),
        ({"new": "2026-01-31 12:00"}, "which reads as a time: wanted a time, or for a category"),
        ({"colour": "red", ("colour", "red"): 1.0}, "wanted one of the two"),
    ],
)
def test_what_is_refused_changes_nothing(x, wanted):
    model = Regressor(4)
    learn(model, rows(), range(40))
    before = everything(model)
    for call in (lambda: model.predict_one(x), lambda: model.learn_one(x, 1.0)):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert wanted in str(caught.value)
    assert everything(model) == before


def test_a_thousand_values_are_the_most(monkeypatch):
    monkeypatch.setattr("pylstm.estimators.categories.MOST_VALUES", 5)
    model = Regressor(2, optimizer=pylstm.SGD(0.01))
    for k in range(5):
        model.learn_one({"a": f"value {k}"}, 1.0)
    before = everything(model)
    assert model.predict_one({"a": "one more"}) == model.predict_one({"a": "another"})
    with pytest.raises(ValueError, match="'one more' after 5 other values, wanted at most 5"):
        model.learn_one({"a": "one more", "b": 1.0}, 1.0)
    assert everything(model) == before


def test_strings_of_any_class_are_their_text():
    import enum

    class Colour(enum.StrEnum):
        RED = "red"

    models = [Regressor(4) for _ in range(3)]
    for model, value in zip(models, ("red", Colour.RED, np.str_("red")), strict=True):
        for t in range(5):
            model.learn_one({"colour": value}, float(t))
    one, *others = map(everything, models)
    assert others == [one, one]
    assert type(models[1].feature_names[0][1]) is str


def test_a_file_whose_text_does_not_fit_is_refused():
    model = Regressor(4)
    learn(model, rows(), range(40))
    state = model.__getstate__()
    for wrong in (
        {"names": ["colour"], "values": [["red", "violet"]]},
        {"names": ["colour"], "values": [["red", "red"]]},
        {"names": ["colour"], "values": []},
        {"names": ["colour"], "values": [[1]]},
        {"names": ["other"], "values": [[]]},
    ):
        with pytest.raises(ValueError, match=r"wanted|does not fit"):
            Regressor(4).__setstate__(
                state | {"features": state["features"] | {"categories": wrong}}
            )


@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_frames_through_river(dtype):
    pytest.importorskip("river", reason="the extra [river] is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    from pylstm.river import LSTMRegressor

    xs = rows()
    frame = pd.DataFrame(xs)
    frame["colour"] = frame["colour"].astype(dtype)
    model, wanted = LSTMRegressor(4), LSTMRegressor(4)
    learn(wanted, xs, range(40))
    model.learn_many(frame, pd.Series(range(40)))
    assert everything(model) == everything(wanted)
    assert model.predict_many(frame).tolist() == [model.predict_one(x) for x in xs]
