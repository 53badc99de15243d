"""The former name of `pylstm.tabular`: what imports or unpickles by it finds the same modules."""

import sys
from importlib import import_module
from pkgutil import iter_modules

from pylstm import tabular
from pylstm.tabular import *  # noqa: F403

for _module in iter_modules(tabular.__path__):
    sys.modules[f"{__name__}.{_module.name}"] = import_module(f"pylstm.tabular.{_module.name}")
sys.modules[__name__] = tabular
