"""Estimators over one network: named features in, predictions out, learning at every row.

`Regressor`, `Classifier`, `Forecaster` and `Detector` need nothing but NumPy. `pylstm.river` and
`pylstm.sklearn` adapt them to those libraries, which are imported only then.
"""

from pylstm.estimators.bank import Bank
from pylstm.estimators.classifier import Classifier
from pylstm.estimators.detector import Detector
from pylstm.estimators.distribution import Distribution
from pylstm.estimators.forecaster import Forecaster
from pylstm.estimators.regressor import Regressor

__all__ = ["Bank", "Classifier", "Detector", "Distribution", "Forecaster", "Regressor"]
