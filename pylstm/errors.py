"""The error that the command line tells in one sentence."""

__all__ = ["InputError"]


class InputError(ValueError):
    """What was given and what was wanted; the command line prints it and exits with code 2."""
