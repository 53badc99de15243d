"""``python -m bench chapter``: real uses of the textbook chapter, beside published figures.

What is not run keeps the figures of the file that is there: ``--only`` measures anew one at a time.
"""

from __future__ import annotations

import argparse
import bz2
import json
import lzma
import platform
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.chapter import music, text, vowels
from bench.chapter.chorales import read as read_chorales
from bench.machine import header
from bench.report import Result, Table, save
from bench.report import text as shown
from bench.settings import Settings
from bench.streams.data import MissingData
from bench.threads import tell_own_threads

__all__ = ["main", "tables"]

USES = ("text", "vowels", "music")
#: What settings were compared on, and by what.
CHOOSING = {
    "text, other": ["bits"],
    "vowels, folds": ["together", "nats"],
    "music, validation": ["validation"],
}
N_CHOOSING = 100_000  # bytes settings of the text are compared over
Records = list[dict[str, Any]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench chapter", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=USES, metavar="USE", help=f"of {', '.join(USES)}")
    add("--choose", action="store_true", help="compare the candidates instead, on other data")
    add("--aeon", type=Path, metavar="FILE", help="aeon 1.6.0, a wheel, for vowels")
    add("--music21", type=Path, metavar="FILE", help="music21 10.5.0, a wheel, for music")
    add("--out", type=Path, default=Path("build/bench"), metavar="DIR", help="default %(default)s")
    return parser


def _read_text(choosing: bool) -> Records:
    found = text.reported_bytes()
    settings = text.CANDIDATES if choosing else text.CHOSEN
    sample = text.last_bytes(N_CHOOSING) if choosing else found
    use = "text, other" if choosing else "text"
    records: Records = [
        {"use": use, "setting": str(setting), **text.read(setting, sample).record}
        for setting in settings
    ]
    if not choosing:
        whole = found.tobytes()
        packed = {
            "zlib, level 9": zlib.compress(whole, 9),
            "bz2, level 9": bz2.compress(whole, 9),
            "lzma, preset 9": lzma.compress(whole, preset=9 | lzma.PRESET_EXTREME),
        }
        records += [
            {"use": use, "setting": name, "bits": 8 * len(content) / len(whole)}
            for name, content in packed.items()
        ]
    return records


def _run(use: str, args: argparse.Namespace) -> Records:
    if use == "text":
        return _read_text(args.choose)
    if use == "vowels":
        if args.aeon is None:
            raise MissingData("needs --aeon: pip download --no-deps aeon==1.6.0")
        return vowels.choose(args.aeon) if args.choose else vowels.told(args.aeon)
    if args.music21 is None:
        raise MissingData("needs --music21: pip download --no-deps music21==10.5.0")
    pieces = read_chorales(args.music21)
    return music.choose(pieces) if args.choose else music.told(pieces)


def _of(records: Records, use: str) -> Records:
    return [record for record in records if record["use"] == use]


def tables(records: Records) -> list[Table]:
    """A table a use, of those there are figures of."""
    found = []
    read = _of(records, "text")
    if read:
        columns = ["", "weights", "bits a byte", "second half", "s"]
        names = ["setting", "weights", "bits", "second_half", "seconds"]
        found.append(
            Table(
                "Text, a byte at a time: 300,000 bytes of Python's documentation texts, once",
                columns,
                [_cells(record, names) for record in read],
                "The first bytes of pydoc_data/topics.py of Python "
                f"{platform.python_version()}, tokens; every byte is told before it is learned; "
                f"window and update every {text.WINDOW} bytes. s: of the processor, one thread.",
            )
        )
    told = _of(records, "vowels")
    if told:
        found.append(
            Table(
                "JapaneseVowels: accuracy on the 370 sequences of the second part",
                ["", "accuracy", "one net, median", "least", "most", "s a net"],
                [
                    *(_accuracies(record) for record in told),
                    *([f"{name}, published", f"{share:.3f}", *[None] * 4]
                      for name, share in vowels.PUBLISHED.items()),
                ],
                f"The mean of what {vowels.N_NETS} nets of other starting weights say; "
                "settings were chosen by five folds of the 270 sequences of the first part, the "
                "lower one from two more candidates after the upper one had told the second part.",
            )
        )  # fmt: skip
    heard = _of(records, "music")
    if heard:
        published = [[f"JSB Chorales: {name}", None, None, None, f"{nats:.2f}", None]
                     for name, nats in music.PUBLISHED.items()]  # fmt: skip
        base = ["how often each key sounds", None, None, None, f"{heard[0]['marginal']:.2f}", None]
        names = ["setting", "weights", "passes", "validation", "test", "seconds"]
        found.append(
            Table(
                "Bach's chorales: nats a step, the keys of the next quarter note",
                ["", "weights", "passes", "validation", "test", "s"],
                [*(_cells(record, names) for record in heard), base, *published],
                "Chorales of four parts of music21 10.5.0; the published figures are of another "
                "edition, parted otherwise: comparable in kind, not to the last digit; all but "
                "8.54 are from memory.",
            )
        )
    for use, scores in CHOOSING.items():
        chosen = _of(records, use)
        if chosen:
            found.append(
                Table(
                    f"Settings compared: {use}",
                    ["", *scores],
                    [[r["setting"], *(f"{r[name]:.4f}" for name in scores)] for r in chosen],
                )
            )
    return found


def _cells(record: dict[str, Any], names: Sequence[str]) -> list[Any]:
    return [_cell(record.get(name)) for name in names]


def _cell(value: Any) -> Any:
    return f"{value:.3f}" if isinstance(value, float) and value < 10 else value


def _accuracies(record: dict[str, Any]) -> list[Any]:
    each = sorted(record["accuracies"])
    values = (record["together"], each[len(each) // 2], each[0], each[-1])
    return [record["setting"], *(f"{value:.4f}" for value in values), record["seconds"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0, or 2 where data are missing."""
    parser = _parser()
    args = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    head = header(
        Settings(threads=1),
        ["chapter", *(Path(word).name if "/" in word else word for word in given)],
    )
    del head["repeats"]
    tell_own_threads(1)
    kept = args.out / "chapter.json"
    records: Records = json.loads(kept.read_text())["records"] if kept.exists() else []
    for use in args.only or USES:
        try:
            fresh = _run(use, args)
        except MissingData as missing:
            parser.error(f"{use} {missing}")
        replaced = {record["use"] for record in fresh}
        records = [record for record in records if record["use"] not in replaced] + fresh
        result = Result(tables(records), records)
        paths = save("chapter", result, head, args.out)
    print(f"{shown(result)}\n\n{', '.join(map(str, paths))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
