"""Text as features: an indicator a value, 1 for the value of the row and 0 for every other.

    {"colour": "red"}  is  {("colour", "red"): 1.0, ("colour", "blue"): 0.0, ...}

for the values learned from so far; a new one gets its indicator, a feature like any other, when it
comes. Before that the indicators of all others are 0. Where the value is missing so are all
indicators, and the mean stands for them: how often each value comes.
"""

from __future__ import annotations

import math
from collections.abc import Container, Hashable, Mapping
from datetime import datetime
from typing import Any

from pylstm.errors import brief
from pylstm.estimators.values import is_missing

__all__ = ["MOST_VALUES", "Categories"]

#: Of one feature: each is two inputs of every network.
MOST_VALUES = 1000

Indicator = tuple[Hashable, str]


class Categories:
    """Which features are text, and the indicators of their values.

    Notes
    -----
    A name without any indicator is one that has had no value yet: it may be a number or text.
    """

    def __init__(self) -> None:
        self.indicators: dict[Hashable, dict[str, Indicator]] = {}

    def expanded(
        self, x: Mapping[Hashable, Any], known: Container[Hashable]
    ) -> Mapping[Hashable, Any]:
        """The row with indicators in place of its text, where names of features are `known`.

        Raises
        ------
        TypeError, ValueError
            For text where there were numbers, a number where there was text, and text that reads
            as a number or a time.
        """
        names = [n for n, value in x.items() if n in self.indicators or isinstance(value, str)]
        if not names:
            return x
        row = dict(x)
        for name in names:
            value, indicators = row.pop(name), self.indicators.get(name)
            new: dict[Hashable, Any]
            if isinstance(value, str):
                if indicators is None and name in known:
                    raise TypeError(f"feature {brief(name)} is {brief(value)}, wanted a number as "
                                    "before")  # fmt: skip
                new = dict.fromkeys((indicators or {}).values(), 0.0)
                new[self._indicator(name, value)] = 1.0
            elif not indicators:
                new = {name: value}
            elif is_missing(value):
                new = dict.fromkeys(indicators.values(), math.nan)
            else:
                raise TypeError(f"feature {brief(name)} is {brief(value)}, wanted text as before")
            twice = row.keys() & new.keys()
            if twice:
                raise ValueError(
                    f"feature {brief(name)} is {brief(value)} and there is a feature "
                    f"{brief(min(twice, key=str))}, wanted one of the two"
                )
            row |= new
        return row

    def _indicator(self, name: Hashable, value: str) -> Indicator:
        """The name of an indicator, of one that is new too."""
        found = self.indicators.get(name, {}).get(value)
        if found is None:
            for kind, read in (("a number", float), ("a time", datetime.fromisoformat)):
                if _reads(value, read):
                    raise TypeError(
                        f"feature {brief(name)} is {brief(value)}, which reads as {kind}: wanted "
                        f"{kind}, or for a category text that does not read so"
                    )
            found = (name, str.__str__(value))
        return found

    def add(self, x: Mapping[Hashable, Any], known: Container[Hashable]) -> dict[Hashable, Any]:
        """Take up what is new in a row; return by name the indicators that take the place of names
        that have had no value."""
        named = {}
        for name in sorted(x, key=lambda name: (str(name), type(name).__name__)):
            value = x[name]
            if isinstance(value, str):
                indicators = self.indicators.setdefault(name, {})
                if value in indicators:
                    continue
                if len(indicators) == MOST_VALUES:
                    raise ValueError(
                        f"feature {brief(name)} is {brief(value)} after {MOST_VALUES} other "
                        f"values, wanted at most {MOST_VALUES}, as each has inputs of its own"
                    )
                found = indicators[str.__str__(value)] = self._indicator(name, value)
                if name in known:
                    named[name] = found
            elif name not in known and name not in self.indicators and is_missing(value):
                self.indicators[name] = {}
        return named

    def advance(self, x: Mapping[Hashable, Any]) -> None:
        """A row is over: names that had no value before and have numbers now are numbers."""
        for name in [name for name, indicators in self.indicators.items() if not indicators]:
            if not is_missing(x.get(name)):
                del self.indicators[name]

    def state(self) -> dict[str, Any] | None:
        """Return what `restore` goes on from."""
        if not self.indicators:
            return None
        return {
            "names": list(self.indicators),
            "values": [list(indicators) for indicators in self.indicators.values()],
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Go on from what `state` returned."""
        pairs = zip(state["names"], state["values"], strict=True) if state else ()
        self.indicators = {
            name: {value: (name, value) for value in values} for name, values in pairs
        }


def _reads(value: str, read: Any) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True
