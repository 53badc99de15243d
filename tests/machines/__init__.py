"""Every verb in every order: machines that go through random programs of calls.

`kit` is what a machine is and how a program is played, repeated and cut down; `known` the faults
that are waited for; `model` the oracle with every verb of LSTM; a file an object the machines.
Played by tests/test_machines.py (hypothesis, short) and by ``python -m bench programs`` (long).
"""

from importlib import import_module

#: Machines by name: module and class.
MACHINES = {
    "lstm": "lstm.LSTMMachine",
    "streams": "streams.StreamsMachine",
    "population": "population.PopulationMachine",
    "delayed": "delayed.DelayedMachine",
    "regressor": "estimators.RegressorMachine",
    "classifier": "estimators.ClassifierMachine",
    "forecaster": "estimators.ForecasterMachine",
    "river-regressor": "adapters.RiverRegressorMachine",
    "river-classifier": "adapters.RiverClassifierMachine",
    "river-forecaster": "adapters.RiverForecasterMachine",
    "sklearn": "adapters.SklearnMachine",
}


def machine(name):
    """Import a machine; those of other libraries need the libraries."""
    module, kind = MACHINES[name].split(".")
    return getattr(import_module(f"machines.{module}"), kind)
