"""A command of ``pylstm`` in its parser: how its help looks, and what runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

__all__ = ["add_command"]


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], **about: Any
) -> argparse.ArgumentParser:
    """Add a command; its options must be spelt out, its help keeps its lines.

    Parameters
    ----------
    commands
        What `add_subparsers` returned.
    name : str
    run : callable
        From what was parsed to the exit code.
    **about
        Keywords of `add_parser`: help, description, epilog.

    Returns
    -------
    ArgumentParser
        To add options to.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = commands.add_parser(
        name, formatter_class=raw, allow_abbrev=False, **about
    )
    parser.set_defaults(run=run)
    return parser
