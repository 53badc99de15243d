"""The targets of a regressor: one number, or several that have names, and what is known of each.

A single number is the case of one target, whose name is None. An array is the case of names 0, 1,
2, ... A row may lack some of its targets, and names may come later, as features may.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, Literal

import numpy as np

from pylstm.checkpoint import check_plain
from pylstm.errors import brief
from pylstm.estimators.spread import Target
from pylstm.estimators.values import as_number

__all__ = ["Targets", "as_targets"]

Form = Literal["number", "mapping", "array"]
Names = tuple[Hashable, ...]

_NO_NAME: Names = (None,)
_FORMS = {
    "number": "a number",
    "mapping": "a mapping of names to numbers",
    "array": "an array of numbers",
}


def as_targets(y: Any) -> tuple[Form | None, Names, list[float]]:
    """Return the form in which the targets of a row were given, their names, and their numbers.

    The form is None where a single missing value says that there is no target at all.
    """
    if type(y) is not float:  # most are, and the next question takes long
        if isinstance(y, Mapping):
            numbers = [as_number("target", value, name) for name, value in y.items()]
            return "mapping", tuple(y), numbers
        if isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.ndim == 1):
            numbers = [as_number("target", value, k) for k, value in enumerate(y)]
            return "array", tuple(range(len(numbers))), numbers
    number = as_number("y", y)
    return None if number != number else "number", _NO_NAME, [number]


class Targets:
    """All of them, in the order of the outputs; one without a name before the first has come."""

    def __init__(self) -> None:
        self.form: Form | None = None
        self.names: Names = ()
        self.known = [Target()]

    def new(self, form: Form, names: Names, y: Any) -> list[Hashable]:
        """Names that are not known yet, in an order that is not that of the row.

        Raises
        ------
        TypeError, ValueError
            For targets of another form than those before, or another number in an array.
        """
        n, before = len(names), len(self.names)
        if self.form not in (None, form):
            raise TypeError(f"y is {brief(y)}, wanted {_FORMS[self.form or form]} as before")
        if not n or (form == "array" and self.form == form and n != before):
            wanted = f"{before} as before" if before else "one at least"
            raise ValueError(f"y has {n} targets, wanted {wanted}")
        known = set(self.names)
        new = [name for name in names if name not in known]
        if form == "mapping":
            for name in new:
                check_plain("the name of a target", name)
            new.sort(key=lambda name: (str(name), type(name).__name__))
        return new

    def check(self, y: Any) -> None:
        """Raise the sentence about targets that are in another form than those before."""
        form, names, _ = as_targets(y)
        if form is not None:
            self.new(form, names, y)

    def add(self, form: Form, names: list[Hashable]) -> int:
        """Make room for names that are new; return how many more targets there are."""
        self.form = form
        self.names = (*self.names, *names)
        more = len(self.names) - len(self.known)
        self.known = self.known + [Target() for _ in range(more)]
        return more

    def in_order(self, names: Names, values: list[float]) -> list[float]:
        """The numbers of a row in the order of the outputs, NaN where there is none."""
        given = dict(zip(names, values, strict=True))
        return [given.get(name, math.nan) for name in self.names] or [math.nan]

    def as_given(self, values: list[Any]) -> Any:
        """Values in the order of the outputs, in the form in which the targets have come."""
        if self.form == "mapping":
            return dict(zip(self.names, values, strict=True))
        if self.form == "array":
            return np.array(values) if isinstance(values[0], float) else values
        return values[0]

    def as_list(self, given: Any) -> list[Any]:
        """What `as_given` returned, in the order of the outputs."""
        if self.form == "mapping":
            return list(given.values())
        return list(given) if self.form == "array" else [given]

    def as_columns(self, rows: Any, fill: float) -> Any:
        """Rows of values, each in the order of the outputs there were, as columns in the form of
        the targets; `fill` where a target had not come yet."""
        values = rows
        if not isinstance(rows, np.ndarray):
            values = np.full((len(rows), len(self.known)), fill)
            for value, row in zip(values, rows, strict=True):
                value[: len(row)] = row
        if self.form == "mapping":
            return dict(zip(self.names, values.T, strict=True))
        return values if self.form == "array" else values[:, 0]

    def forget(self) -> None:
        """Their last values are those of another sequence."""
        for target in self.known:
            target.last = target.error = math.nan

    def copy(self) -> Targets:
        """Others of which the same is known."""
        copy = Targets()
        copy.form, copy.names = self.form, self.names
        copy.known = [target.copy() for target in self.known]
        return copy

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from."""
        return {
            "form": self.form,
            "targets": list(self.names),
            "last": np.array([target.last for target in self.known]),
            "error": np.array([target.error for target in self.known]),
            "spread": [target.spread.state() for target in self.known],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.form, self.names = state["form"], tuple(state["targets"])
        self.known = []
        rows = zip(state["last"].tolist(), state["error"].tolist(), state["spread"], strict=True)
        for last, error, spread in rows:
            target = Target()
            target.last, target.error = last, error
            target.spread.restore(spread)
            self.known.append(target)
