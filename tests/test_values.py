"""What a value of a row is: missing in every form, an instant, a label, a name a file can hold."""

import datetime
import decimal
import enum
import math
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from estimators import everything

import pylstm
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor
from pylstm.estimators.values import is_missing

NAN = math.nan
MISSING = {
    "nan": NAN,
    "float16": np.float16(NAN),
    "float32": np.float32(NAN),
    "float64": np.float64(NAN),
    "array": np.array(NAN),
    "decimal": decimal.Decimal("nan"),
    "signalling": decimal.Decimal("sNaN"),
    "datetime64": np.datetime64("NaT"),
    "timedelta64": np.timedelta64("NaT"),
    "masked": np.ma.masked,
    "masked array": np.ma.array([1.0, 2.0], mask=[True, False])[0],
}
try:
    import pandas as pd
except ImportError:
    pass
else:
    MISSING |= {"pandas.NA": pd.NA, "pandas.NaT": pd.NaT}


@pytest.mark.parametrize("form", list(MISSING))
def test_missing_is_missing_in_every_form(form):
    """As None is: among features, as a target and as a label."""
    none, others = ([kind(4) for kind in (Regressor, Classifier)] for _ in range(2))
    forecasters, detectors = (Forecaster(4), Forecaster(4)), (Detector(4), Detector(4))
    for t in range(12):
        for k, models in enumerate((none, others)):
            missing = (None, MISSING[form])[k]
            x = {"a": missing if t % 3 == 1 else t % 5, "b": 1.0}
            models[0].learn_one(x, missing if t % 4 == 2 else t % 7)
            models[1].learn_one(x, missing if t % 4 == 2 else "ud"[t % 2])
            forecasters[k].learn_one(missing if t % 4 == 2 else float(t))
            detectors[k].learn_one(x)
            assert models[0].predict_one({"a": missing}) == models[0].predict_one({})
    for one, other in (*zip(none, others, strict=True), forecasters, detectors):
        assert everything(one) == everything(other)
    assert others[1].classes == ["u", "d"]


def test_what_is_there_is_not_missing():
    there = (0, "", "nan", False, np.float32(0), np.datetime64("2026-01-01"), (NAN,), [NAN],
             np.array([NAN]), np.ma.array(1.0, mask=False), {}, 1j, object())  # fmt: skip
    assert not any(map(is_missing, there))


# ---------------------------------------------------------------- labels and names


def test_equal_numbers_are_one_label():
    model = Classifier(4)
    for label in (1, 1.0, True, np.int64(1), np.bool_(True), np.float32(1), 0, False):
        model.learn_one({"a": 1.0}, label)
    assert model.classes == [1, 0]
    assert [type(label) for label in model.classes] == [int, int]


class Colour(enum.Enum):
    RED = 1


NO_FILE_HOLDS = [
    datetime.date(2026, 1, 1), np.datetime64("2026-01-01", "ns"), Colour.RED, frozenset([1]), b"x",
    decimal.Decimal(1), ("a", Colour.RED), 1j,
]  # fmt: skip


@pytest.mark.parametrize("value", NO_FILE_HOLDS, ids=repr)
def test_what_no_file_can_hold_is_refused_when_it_comes(value, tmp_path):
    """Not at save(), when everything is learned; and nothing has changed."""
    model = Classifier(4)
    model.learn_one({"a": 1.0}, "u")
    before = everything(model)
    wanted = "which no file could hold: wanted a string, a number, a bool, None, or a tuple of them"
    for call in (
        lambda: model.learn_one({"a": 1.0}, value),
        lambda: model.learn_one({value: 1.0}, "u"),
        lambda: model.expect([value]),
        lambda: Regressor(4).learn_one({}, {value: 1.0}),
        lambda: Detector(4).learn_one({value: 1.0}),
    ):
        with pytest.raises(TypeError, match=wanted):
            call()
    assert everything(model) == before
    for k, label in enumerate(("v", 3, 1.5, True, ("a", (1, "b")), np.int64(7), np.str_("w"))):
        model.learn_one({"a": 1.0, label: k}, label)
    model.save(tmp_path / "model")
    assert pylstm.load(tmp_path / "model").classes == model.classes


# ---------------------------------------------------------------- instants


BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = [
    (datetime.datetime(2026, 10, 24, 22, 30, tzinfo=datetime.UTC) + h * datetime.timedelta(hours=1))
    for h in range(6)
]


@pytest.mark.parametrize("calendar", [None, "day"])
def test_hours_are_as_long_when_the_clocks_change(calendar):
    """The same instants in UTC and by a clock that is put back in their middle."""
    shown, utc = Regressor(4, calendar=calendar), Regressor(4, calendar=calendar)
    for t, instant in enumerate(AUTUMN):
        shown.learn_one({"t": instant.astimezone(BERLIN)}, float(t))
        utc.learn_one({"t": instant}, float(t))
    if calendar is None:
        assert everything(shown) == everything(utc)
    else:
        assert shown._features.calendar.last["t"][2] == 3600.0


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kolkata"])
def test_time_goes_on_by_the_clock_of_the_series(zone):
    """Wherever it is: forecasts without features are those with the next hours."""
    model, first = (
        Forecaster(4, calendar="day"),
        datetime.datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)),
    )
    for t in range(60):
        model.learn_one(math.sin(t * math.pi / 12), {"t": first + datetime.timedelta(hours=t)})
    following = [{"t": first + datetime.timedelta(hours=t)} for t in range(60, 65)]
    assert model.forecast(5) == model.forecast(5, following)


def test_durations_are_seconds():
    models = [Regressor(4) for _ in range(3)]
    for t in (1, 2, 4):
        models[0].learn_one({"d": 3600 * t}, float(t))
        models[1].learn_one({"d": datetime.timedelta(hours=t)}, float(t))
        models[2].learn_one({"d": np.timedelta64(t, "h")}, float(t))
    assert everything(models[0]) == everything(models[1]) == everything(models[2])
    with pytest.raises(TypeError, match=r"feature 'd' is .*, wanted a number"):
        models[0].learn_one({"d": np.timedelta64(1, "M")}, 1.0)
    with pytest.raises(TypeError, match=r"feature 'd' is .*, wanted a number"):
        models[0].learn_one({"d": np.complex64(1)}, 1.0)


def test_true_and_false_are_numbers():
    one, other = Regressor(4), Regressor(4)
    for t in range(5):
        one.learn_one({"holiday": t % 2 == 0, "b": np.bool_(t % 3 == 0)}, t % 2 == 0)
        other.learn_one({"holiday": float(t % 2 == 0), "b": float(t % 3 == 0)}, float(t % 2 == 0))
    assert everything(one) == everything(other)
