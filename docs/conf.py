"""The guide, built by Sphinx: ``python -m sphinx -W --keep-going -b html docs docs/_build/html``.

Before the build every script of ``docs/figures`` and ``examples`` whose picture is missing or older
than the script is run; pictures go to ``docs/generated``.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pylstm

HERE = Path(__file__).parent
GENERATED = HERE / "generated"

project = "pylstm"
author = "The pylstm developers"
copyright = author
release = version = pylstm.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "generated"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"pylstm {release}"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_copy_source = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Names in single backticks of a docstring are parameters as often as objects: no links.
default_role = "literal"
autodoc_mock_imports = ["pyspark"]  # of which the site shows nothing
autodoc_typehints = "none"
autodoc_member_order = "bysource"

numpydoc_show_class_members = False
numpydoc_xref_param_type = False


def draw(app):
    """Run the scripts whose picture is missing or out of date; ask the commands for their help."""
    GENERATED.mkdir(exist_ok=True)
    env = {**os.environ, "MPLBACKEND": "Agg", "MATPLOTLIBRC": str(HERE / "figures")}
    calls = []
    for script in sorted([*HERE.glob("figures/*.py"), *HERE.parent.glob("examples/*.py")]):
        picture = GENERATED / f"{script.stem}.png"
        if not picture.exists() or picture.stat().st_mtime < script.stat().st_mtime:
            calls.append([sys.executable, script, picture])
    run = partial(subprocess.run, env=env, cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, calls))
    for command in (
        "",
        "stream",
        "detect",
        "demo",
        "reproduce",
        "truncation",
        "vanishing",
        "framing",
        "config",
    ):
        call = [sys.executable, "-m", "pylstm", *command.split(), "--help"]
        text = subprocess.run(
            call, env={**env, "COLUMNS": "90"}, check=True, stdout=subprocess.PIPE
        )
        (GENERATED / f"help{'-' * bool(command)}{command}.txt").write_bytes(text.stdout)


def set_equations(app, what, name, obj, options, lines):
    """Make what is indented after an empty line a literal block, and |x| plain text."""
    found, depth, is_literal = [], 0, False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.strip():
            if found and not found[-1].strip() and indent > depth and not is_literal:
                before = next(text for text in reversed(found) if text.strip())
                if not before.endswith("::") and not before.lstrip().startswith(".. "):
                    found += [" " * depth + "::", ""]
                is_literal, depth = True, depth
            elif indent <= depth or not is_literal:
                is_literal, depth = False, indent
        if not is_literal and "``" not in line:
            line = re.sub(r"\|([^|]+)\|", r"\\|\1\\|", line)
        found.append(line)
    lines[:] = found


def leave_out(app, what, name, obj, skip, options):
    """Leave out what is inherited from another library."""
    module = getattr(obj, "__module__", None)
    return True if module and module.split(".")[0] in ("river", "sklearn") else None


def setup(app):
    """Draw the pictures first; see to the equations of docstrings."""
    app.connect("builder-inited", draw)
    app.connect("autodoc-process-docstring", set_equations, priority=100)
    app.connect("autodoc-skip-member", leave_out)
