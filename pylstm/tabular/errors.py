"""The one error of ``pylstm stream``: a sentence for the person who gave the input."""

from pylstm.errors import InputError

__all__ = ["StreamError"]


class StreamError(InputError):
    """What was given and what was wanted."""
