"""Bach's chorales, read from the wheel of music21 where it lies, as piano rolls.

A piano roll has a row a quarter note and a column a key of the piano: 1 where it sounds at that
moment, whoever sings it, as long as it is held. That is the grid of the JSB Chorales of
Boulanger-Lewandowski et al. 2012. Repeats are not played. ``pip download --no-deps
music21==10.5.0``; the files are MusicXML: https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from bench.streams.data import MissingData

__all__ = ["KEYS", "Chorale", "read"]

#: Keys of a piano, by the numbers of MIDI.
KEYS = range(21, 109)

_FOLDER = "music21/corpus/bach/"
_NAME = re.compile(r"bwv(\d+)[^/]*\.(mxl|xml)$")
_WELL_TEMPERED = 846  # the one piece in the folder that is no chorale
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_VOICES = 4


class Chorale(NamedTuple):
    """One piece.

    Parameters
    ----------
    name : str
        Its file.
    number : int
        Of the work it belongs to, in the Bach-Werke-Verzeichnis.
    roll : (n_steps, 88) uint8
    """

    name: str
    number: int
    roll: npt.NDArray[np.uint8]


class _Note(NamedTuple):
    """A key held from one moment to another, in quarter notes."""

    key: int
    start: Fraction
    end: Fraction


def read(wheel: Path) -> list[Chorale]:
    """All pieces of four parts, by number and name; of several with the same notes the first."""
    found: dict[bytes, Chorale] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(_FOLDER)]
            for name in names:
                known = _NAME.search(name)
                if known is None or int(known[1]) == _WELL_TEMPERED:
                    continue
                parts = list(_parts(_score(archive.read(name), known[2])))
                if len(parts) == _VOICES:
                    roll = _roll([note for part in parts for note in part])
                    piece = Chorale(name.removeprefix(_FOLDER), int(known[1]), roll)
                    key = roll.tobytes()
                    found[key] = min(piece, found.get(key, piece), key=_order)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise MissingData(f"{wheel} is no wheel of music21: wanted 10.5.0 ({error})") from None
    if not found:
        raise MissingData(f"{wheel} has no {_FOLDER}: wanted music21 10.5.0")
    return sorted(found.values(), key=_order)


def _order(piece: Chorale) -> tuple[int, str]:
    return piece.number, piece.name


def _score(content: bytes, kind: str) -> ElementTree.Element:
    """The root of a score; an mxl is a zip with the score in it."""
    if kind == "mxl":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            name = next(n for n in packed.namelist() if n.endswith("xml") and "META-INF" not in n)
            content = packed.read(name)
    return ElementTree.fromstring(content)


def _parts(score: ElementTree.Element) -> Iterator[list[_Note]]:
    """The notes of every part."""
    for part in score.iter("part"):
        notes: list[_Note] = []
        start, divisions, transposed = Fraction(0), 1, 0
        for measure in part.iter("measure"):
            now = last = end = start
            for element in measure:
                divisions = int(element.findtext("divisions") or divisions)
                transposed = int(element.findtext("transpose/chromatic") or transposed)
                duration = Fraction(int(element.findtext("duration") or 0), divisions)
                if element.tag == "backup":
                    now -= duration
                elif element.tag == "forward":
                    now += duration
                elif element.tag == "note":
                    if element.find("chord") is None:
                        last, now = now, now + duration
                    pitch = element.find("pitch")
                    if pitch is not None and duration:  # no rest, no grace note
                        notes.append(_Note(_key(pitch) + transposed, last, last + duration))
                end = max(end, now)
            start = end
        yield notes


def _key(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave") or 0), int(pitch.findtext("alter") or 0)
    return 12 * (octave + 1) + _SEMITONES[str(pitch.findtext("step"))] + alter


def _roll(notes: list[_Note]) -> npt.NDArray[np.uint8]:
    """What sounds at every quarter note from the start on."""
    n_steps = -(-max(note.end for note in notes) // 1)
    roll = np.zeros((n_steps, len(KEYS)), np.uint8)
    for note in notes:
        roll[-(-note.start // 1) : -(-note.end // 1), note.key - KEYS.start] = 1
    return roll
