"""Faults known and not yet mended: the machines keep away from them, and from nothing else.

A line goes with its fault. An empty table is what is wanted.
"""

KNOWN = {
    "F10": "a population that diverges: its run is not the loop of its steps",
}


def mended(name):
    """Whether programs may go where this fault was."""
    return name not in KNOWN
