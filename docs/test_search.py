"""What newcomers look for is in a heading, or the sentence below it, of the page that answers."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent

#: Words as they are typed into a search box, and the page that has to be found by them.
QUESTIONS = {
    "shapes dtypes X targets tokens": "guide/loop.md",
    "when weights change": "guide/loop.md",
    "classifier bare network": "guide/loop.md",
    "forecast future features": "guide/forecasting.md",
    "interval": "guide/forecasting.md",
    "calendar": "guide/forecasting.md",
    "cross-validation rows": "guide/sklearn.md",
    "cross-validation sequences": "guide/sklearn.md",
    "next-token model": "guide/text.md",
    "sampling": "guide/text.md",
    "estimator out of Python": "guide/interchange.md",
    "anomalies": "guide/anomalies.md",
    "late labels river": "guide/late.md",
    "learning rate": "guide/choosing.md",
    "how many cells": "guide/choosing.md",
    "epochs": "guide/choosing.md",
    "does not learn": "guide/choosing.md",
    "angle exact gradient": "guide/choosing.md",
    "many keys": "guide/keys.md",
    "dict Population": "guide/keys.md",
    "save Population": "guide/keys.md",
    "checkpoints promised": "guide/checkpoints.md",
}


def sections(path):
    """Each heading of a page, under those above it, with the first sentence that follows."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
    above = {}
    for marks, heading, body in re.findall(r"^(#+) (.*)\n+((?:(?!#+ ).*\n?)*)", text, flags=re.M):
        above = {level: words for level, words in above.items() if level < len(marks)}
        above[len(marks)] = heading
        yield " ".join(above.values()) + " " + re.split(r"[.:]\s", body.strip(), maxsplit=1)[0]


@pytest.mark.parametrize(("words", "page"), QUESTIONS.items())
def test_a_search_finds_the_page(words, page):
    found = list(sections(DOCS / page))
    assert any(all(word.lower() in section.lower() for word in words.split()) for section in found)
