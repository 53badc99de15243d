"""Fewer tests that find as much: every two values of two parameters still meet.

A fault of the engine shows at one value of one parameter (a switch, a dtype, an optimizer), or
where two of them meet; the product of all of them mostly repeats that. So of the tests one function
makes only as many run as bring together what the product brings together, two by two.
``pytest --full`` runs all of them; ``tests/faults.py`` shows what the others find.
"""

from heapq import heapify, heappop, heapreplace
from itertools import combinations


def _meetings(choice):
    values = list(choice.items())
    return {*((value, value) for value in values), *combinations(values, 2)}


def covering(choices, given=()):
    """The indices, ascending, of choices in which every value, and every two of them, still occur.

    A choice is a dict, from names to values; what those given bring together is done. Greedy: at
    each turn the one that brings most together which has not met. What a choice adds only falls, so
    it is counted again only where it comes first.
    """
    meetings = [_meetings(choice) for choice in choices]
    first = [(-len(pairs), n) for n, pairs in enumerate(meetings)]
    heapify(first)
    met, chosen = set().union(*map(_meetings, given)), []
    while first:
        _, n = first[0]
        new = len(meetings[n] - met)
        if new == 0:
            heappop(first)
        elif len(first) > 1 and -new > min(first[1:3])[0]:
            heapreplace(first, (-new, n))
        else:
            heappop(first)
            met |= meetings[n]
            chosen.append(n)
    return sorted(chosen)
