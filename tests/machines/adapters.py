"""The machines of the estimators over river's models, which are the same in another dress."""

from machines.estimators import ClassifierMachine, ForecasterMachine, RegressorMachine
from pylstm import river


class RiverRegressorMachine(RegressorMachine):
    name = "river regressor"
    kinds = (river.LSTMRegressor,)


class RiverClassifierMachine(ClassifierMachine):
    name = "river classifier"
    kinds = (river.LSTMClassifier,)


class RiverForecasterMachine(ForecasterMachine):
    name = "river forecaster"
    kinds = (river.LSTMForecaster,)
