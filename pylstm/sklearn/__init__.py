"""The estimators as scikit-learn's: rows in time order, or sequences with `lengths`.

    from pylstm.sklearn import LSTMRegressor
    model = LSTMRegressor().fit(X[:1000], y[:1000])     # one pass over the rows, in their order
    model.predict(X[1000:])                             # the rows that follow

What the library asks of `fit` and `predict` is kept: `fit` begins anew, `predict` changes nothing
and gives the same every time. Its rows are those that follow the fitted ones, so their order
matters; with `lengths` every sequence begins from a fresh state instead. `partial_fit` goes on
where the stream stands. Needs the extra ``pylstm[sklearn]``.
"""

from pylstm.registry import register
from pylstm.sklearn.classifier import LSTMClassifier
from pylstm.sklearn.forecaster import LSTMForecaster
from pylstm.sklearn.regressor import LSTMRegressor

__all__ = ["LSTMClassifier", "LSTMForecaster", "LSTMRegressor"]

for _class in (LSTMRegressor, LSTMClassifier, LSTMForecaster):
    register(_class, f"sklearn.{_class.__name__}")
