"""ARFF, the attribute-relation files of Weka and of the literature on data streams.

    @relation NAME
    @attribute NAME numeric | {VALUE, ...} | string | date [FORMAT]
    @data
    VALUE, VALUE, ...                   or sparse: {INDEX VALUE, ...}

After ``%`` are comments; ``?`` is a missing value. Libraries that read it give up a whole file at
its first bad row; this one does not.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pylstm.errors import brief
from pylstm.tabular.errors import StreamError
from pylstm.tabular.reader import Problem, Row
from pylstm.tabular.text import TextReader

__all__ = ["ArffReader"]

_QUOTED = r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\""""
_NAME = rf"(?:{_QUOTED}|([^\s{{]+))"
_VALUE = rf"(?:{_QUOTED}|([^,'\"{{}}]*))"
_ATTRIBUTE = re.compile(rf"@attribute\s+{_NAME}\s*(.*)", re.IGNORECASE)
_CELL = re.compile(rf"\s*{_VALUE}\s*(,|$)")
_SPARSE_CELL = re.compile(rf"\s*(\d+)\s+{_VALUE}\s*(,|$)")
_WEIGHT = re.compile(r",\s*\{[^{}]*\}\s*$")
_NUMERIC = ("numeric", "real", "integer")


def _text(match: re.Match[str], first: int) -> str:
    """What a word says, without its quotes."""
    for quoted in match.groups()[first : first + 2]:
        if quoted is not None:
            return re.sub(r"\\(.)", r"\1", quoted)
    return (match.groups()[first + 2] or "").strip()


class ArffReader(TextReader):
    """Rows of an ARFF file.

    Parameters
    ----------
    source : Source
    dialect : Dialect
    final : bool
        Whether a last line without its end is a row.
    """

    def _read_header(self) -> None:
        name = self._source.name
        self._absent: list[str] = []  # what stands for cells that a sparse row leaves out
        missing = ("?",) if self.dialect.missing is None else (*self.dialect.missing, "?")
        below = self.dialect.skip_below or 0
        self.dialect = replace(
            self.dialect,
            delimiter=",",
            decimal=".",
            thousands=None,
            skip_below=below,
            missing=missing,
        )
        while True:
            raw = self._next_line()
            number = self._next_line_number - 1
            if raw is None:
                raise StreamError(f"{name} has no line @data, wanted one above the rows")
            line = raw.decode("utf-8", "backslashreplace").strip()
            word = line.split(None, 1)[0].lower() if line else "%"
            if word == "@data":
                break
            if word == "@attribute":
                self._add_attribute(line, number)
            elif word != "@relation" and word[0] != "%":
                raise StreamError(f"{name}, line {number} is {brief(line)}, wanted an @attribute")
        if not self.header:
            raise StreamError(f"{name} has no @attribute, wanted the names of its columns")
        self._n_columns = len(self.header)

    def _add_attribute(self, line: str, number: int) -> None:
        match = _ATTRIBUTE.fullmatch(line)
        kind = match[4].strip() if match else ""
        word = kind.split(None, 1)[0].lower() if kind else ""
        if match is None or not (kind[:1] == "{" or word in (*_NUMERIC, "string", "date")):
            raise StreamError(
                f"{self._source.name}, line {number} is {brief(line)}, wanted @attribute NAME and "
                "numeric, string, date or {its values}"
            )
        self.header.append(_text(match, 0))
        if kind[:1] == "{":
            value = _CELL.match(kind[1:].rstrip("} \t") + ",")
            self._absent.append(_text(value, 0) if value else "?")
        else:
            self._absent.append("0" if word in _NUMERIC else "?")

    def _is_row(self, line: bytes) -> bool:
        return bool(line.strip()) and not line.lstrip().startswith(b"%")

    def _n_lines(self, lines: list[bytes], k: int, ended: bool) -> int:
        return 1

    def _take(self, whole: bytes) -> None:
        self._assemble([line.removesuffix(b"\r") for line in whole.split(b"\n")], ended=False)

    def split(self, raws: list[bytes]) -> list[Row | Problem]:
        """The cells of rows, or what is wrong with them."""
        whole = b"\n".join(raws)
        if not any(sign in whole for sign in (b"'", b'"', b"{", b"}", b"\0")):
            try:
                return [line.split(",") for line in whole.decode().split("\n")]
            except UnicodeDecodeError:
                pass
        return [*map(self._split_row, raws)]

    def _split_row(self, raw: bytes) -> Row | Problem:
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            return Problem(self._not_text())
        if "\0" in line:
            return Problem("holds NUL bytes, wanted text")
        if not line.startswith("{"):
            cells, at = [], 0
            line = _WEIGHT.sub("", line)
            while (match := _CELL.match(line, at)) is not None:
                cells.append(_text(match, 0))
                at = match.end()
                if not match[4]:
                    return cells
            return Problem("has quotes or braces that do not fit")
        row, at = [*self._absent], 0
        inside = _WEIGHT.sub("", line)
        if not inside.endswith("}"):
            return Problem("has braces that do not fit")
        inside = inside[1:-1].strip()
        while at < len(inside):
            match = _SPARSE_CELL.match(inside, at)
            if match is None or int(match[1]) >= len(row):
                return Problem(f"has {brief(inside[at:])} in braces, wanted a column and a value")
            row[int(match[1])] = _text(match, 1)
            at = match.end()
        return row
