"""The one error of the stream job: a sentence for the person who gave the input."""

__all__ = ["StreamError"]


class StreamError(ValueError):
    """What was given and what was wanted; the command line prints it and exits with code 2."""
