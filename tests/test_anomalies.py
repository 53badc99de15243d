"""The bench on anomalies: what detections are worth, by hand; what is read, what is refused."""

import json
import math

import pytest

from bench.anomalies.__main__ import main
from bench.anomalies.data import MissingData, read
from bench.anomalies.scoring import PROFILES, Labels, Profile, best, n_probation, sigma

STANDARD, FALSE_DEAR, MISSES_DEAR = PROFILES.values()


def scores(n_rows, **rows):
    """0 but for row_K=score."""
    found = [0.0] * n_rows
    for name, score in rows.items():
        found[int(name.removeprefix("row_"))] = score
    return found


def test_profiles_are_those_of_the_rule():
    assert [tuple(one) for one in PROFILES.values()] == [(0.11, 1.0), (0.22, 1.0), (0.11, 2.0)]


def test_sigma():
    assert sigma(0) == 0
    assert sigma(-1) == pytest.approx(0.986614298)
    assert sigma(0.5) == pytest.approx(-0.848283640)
    assert sigma(3) == pytest.approx(-1, abs=1e-6)


@pytest.mark.parametrize(("n_rows", "wanted"), [(100, 15), (5000, 750), (20_000, 750), (6, 0)])
def test_probation(n_rows, wanted):
    assert n_probation(n_rows) == wanted


def test_worth_of_rows():
    inside, value = Labels(40, [(10, 19)]).worth()
    assert inside == [-1] * 10 + [0] * 10 + [-1] * 20
    assert value[9] == -1
    assert value[10] == 1
    assert value[15] == pytest.approx(sigma(-0.5) / sigma(-1))
    assert 0 < value[19] < 0.26
    assert value[20] == pytest.approx(sigma(1 / 9))
    assert value[39] == pytest.approx(sigma(20 / 9))
    assert Labels(60, [(10, 19)]).worth()[1][59] == -1


def test_nothing_and_everything():
    labels = Labels(100, [(30, 39), (60, 69)])
    nothing = best([scores(100)], [labels], STANDARD)
    assert (nothing.score, nothing.threshold) == (0, math.inf)
    for profile in PROFILES.values():
        found = best([scores(100, row_30=0.9, row_60=0.8)], [labels], profile)
        assert found.score == pytest.approx(100)
        assert (found.threshold, found.found, found.false_alarms) == (0.8, 2, 0)


def test_one_of_two_windows_and_a_false_alarm():
    """Found at its left edge: 1; missed: the cost of a miss; an alarm before: that of an alarm."""
    labels = Labels(100, [(30, 39), (60, 69)])
    mine = [scores(100, row_20=0.9, row_30=0.9)]
    for profile in PROFILES.values():
        total = 1 - profile.miss - profile.false_alarm
        wanted = 100 * (total + 2 * profile.miss) / (2 + 2 * profile.miss)
        assert best(mine, [labels], profile).score == pytest.approx(wanted)
    assert best(mine, [labels], STANDARD).score == pytest.approx(47.25)
    assert best(mine, [labels], FALSE_DEAR).score == pytest.approx(44.5)
    assert best(mine, [labels], MISSES_DEAR).score == pytest.approx(100 * (3 - 0.11) / 6)


def test_only_the_first_detection_in_a_window_counts():
    labels = Labels(100, [(30, 39)])
    early = best([scores(100, row_35=0.9, row_36=0.9)], [labels], STANDARD)
    late = best([scores(100, row_35=0.9, row_31=0.5)], [labels], STANDARD)
    at_35, at_31 = sigma(-0.5) / sigma(-1), sigma(-0.9) / sigma(-1)
    assert early.score == pytest.approx(100 * (at_35 + 1) / 2)
    assert late.score == pytest.approx(100 * (at_31 + 1) / 2)
    assert late.threshold == 0.5


def test_a_false_alarm_close_behind_costs_less():
    labels = Labels(100, [(30, 39)])
    close = best([scores(100, row_30=0.9, row_41=0.9)], [labels], STANDARD)
    wanted = 100 * (2 - 0.11 * -sigma(2 / 9)) / 2
    assert close.score == pytest.approx(wanted)
    assert close.false_alarms == 1


def test_the_threshold_is_one_for_all_series_and_the_best():
    """Lowered to 0.4 it finds the second window, and takes in one false alarm."""
    labels = [Labels(100, [(30, 39)]), Labels(100, [(50, 59)]), Labels(100, [])]
    mine = [scores(100, row_30=0.9), scores(100, row_50=0.4), scores(100, row_70=0.6, row_80=0.3)]
    found = best(mine, labels, STANDARD)
    assert found.score == pytest.approx(100 * (4 - 0.11) / 4)
    assert (found.threshold, found.found, found.false_alarms) == (0.4, 2, 1)
    dear = best(mine, labels, Profile(3.0, 1.0))
    assert (dear.score, dear.threshold) == (pytest.approx(50), 0.9)


def test_rows_of_equal_score_go_together():
    labels = Labels(100, [(30, 39)])
    found = best([scores(100, row_30=0.5, row_60=0.5, row_70=0.5)], [labels], STANDARD)
    assert found.false_alarms == 2


def test_probation_is_not_scored():
    labels = Labels(100, [(30, 39)])
    found = best([scores(100, row_3=0.9, row_14=0.9, row_30=0.9)], [labels], STANDARD)
    assert found.score == pytest.approx(100)


def folder(path, n_rows=400, text=None):
    """Hours with a spike in a window."""
    lines = ["timestamp,value"]
    for t in range(n_rows):
        day, hour = divmod(t, 24)
        value = hour % 5 + (40 if t == 300 else 0)
        lines.append(f"2014-{1 + day // 28:02}-{1 + day % 28:02} {hour:02}:00:00,{value}")
    (path / "a.csv").write_text(text or "\n".join(lines))
    windows = {"a.csv": [["2014-01-13 08:00:00.000000", "2014-01-13 20:00:00.000000"]]}
    (path / "windows.json").write_text(json.dumps(windows))
    return path


def test_reads_windows_as_rows(tmp_path):
    (series,) = read(folder(tmp_path))
    assert (series.labels.n_rows, series.labels.windows) == (400, [(296, 308)])
    assert series.values[300] == 300 % 24 % 5 + 40


def test_runs_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["--data", str(folder(tmp_path)), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    for name in ("pylstm", "last value", "running mean"):
        assert name in shown
    records = json.loads((out / "anomalies.json").read_text())["records"]
    mine = [one for one in records if one["contender"] == "pylstm"]
    assert [one["profile"] for one in mine] == list(PROFILES)
    assert all(one["score"] > 50 for one in mine)


@pytest.mark.parametrize("text", ["timestamp,other\n2014-01-01 00:00:00,1\n",
                                  "timestamp,value\n2014-01-01 00:00:00,one\n",
                                  "timestamp,value\nyesterday,1\n"])  # fmt: skip
def test_what_is_no_series_is_told(tmp_path, text):
    with pytest.raises(MissingData, match="cannot read"):
        list(read(folder(tmp_path, text=text)))


@pytest.mark.parametrize("arguments", [[], ["--data", "nowhere"]])
def test_without_data_it_says_so(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
