"""Where the numbers come from: the header of every report."""

from __future__ import annotations

import ast
import os
import platform
import subprocess
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import scipy

import pylstm
from bench.settings import Settings
from bench.threads import available_threads, own_threads
from pylstm import _core

__all__ = ["ROOT", "header"]

ROOT = Path(__file__).resolve().parents[1]


def header(settings: Settings, arguments: Sequence[str] = ()) -> dict[str, str]:
    """Machine, versions, flags and settings, in the order they are printed."""
    available = ", ".join(_core.available_isas())
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    versions += [f"SciPy {scipy.__version__}"]
    versions += [f"{peer} {metadata.version(peer)}" for peer in ("torch", "jax") if find_spec(peer)]
    quick = " (quick: shows that it works, not how fast it is)" if settings.quick else ""
    return {
        "command": " ".join(["python -m bench", *arguments]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": f"{available_threads()} of {os.cpu_count()} may be used, "
        f"load average at the start {_load()}",
        "threads": f"{own_threads(settings.threads)[-1]} in pylstm, {settings.threads} in BLAS and "
        "the peers",
        "system": platform.platform(),
        "pylstm": f"{pylstm.__version__}{_commit()}",
        "instruction set": f"{_core.choose_isa()} (available: {available})",
        "versions": ", ".join(versions),
        "compiler": _compiler(),
        "repeats": f"median of {settings.repeats}, each over {settings.seconds:g} s{quick}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):
        return "unknown"


def _commit() -> str:
    """The commit of the checkout, where git knows it."""
    try:
        command = ["git", "describe", "--always", "--dirty"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f", commit {found.stdout.strip()}"


def _compiler() -> str:
    """Compiler and flags of this Python, which build extensions too, and those setup.py adds."""
    given = (
        f"{platform.python_compiler()}: {sysconfig.get_config_var('CFLAGS') or 'no flags known'}"
    )
    try:
        tree = ast.parse((ROOT / "setup.py").read_text())
    except OSError:
        return given
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLAGS":
            return f"{given}; setup.py adds {' '.join(ast.literal_eval(node.value))}"
    return given
