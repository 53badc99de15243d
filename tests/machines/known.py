"""Faults known and not yet mended: the machines keep away from them, and from nothing else.

A line goes with its fault. An empty table is what is wanted.
"""

KNOWN = {
    "F1": "a step traced or reinforced, then learned from: wrong weights, copies refuse it",
    "F2": "a schedule that changes its own network corrupts memory",
    "F6": "objects made by __new__ alone crash",
    "F9": "a refused learn_one has already added its features, or its label",
    "F10": "a population that diverges: its run is not the loop of its steps",
    "F12": "numbers like 10**400 raise OverflowError",
    "F20": "a Delayed whose network was given another optimiser saves the one before as well",
    "F21": "a Population updated with nothing collected, then learn(update=False), then a step",
}


def mended(name):
    """Whether programs may go where this fault was."""
    return name not in KNOWN
