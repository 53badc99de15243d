"""The demonstration: the temperature at an airport six hours ahead, from a measured year."""

from __future__ import annotations

from pathlib import Path

from pylstm.tabular.settings import Settings

__all__ = ["ABOUT", "DATA", "STATED_SKILL", "settings"]

DATA = Path(__file__).parent / "newark_2013.csv.gz"
# What the README says and a test holds the demonstration to.
STATED_SKILL = 0.4

ABOUT = """\
Weather at Newark airport, every hour of 2013, as measured, with its gaps and errors. The network
starts knowing nothing and sees every row once: it predicts the temperature (degrees Fahrenheit) six
hours ahead, then learns. Data: US National Weather Service, public domain."""


def settings(seed: int = 0) -> Settings:
    """Return the settings of the demonstration: all defaults, but for what the task is."""
    return Settings(target="temp", horizon=6, season=(24,), seed=seed)
