"""The estimators as river's, for its pipelines and metrics.

    from pylstm.river import LSTMRegressor
    model = LSTMRegressor()                       # no scaler needed: it scales by itself
    for x, y in stream:
        prediction = model.predict_one(x)
        model.learn_one(x, y)

The state advances with every `learn_one` and with nothing else; a prediction is about the row that
comes next. Needs the extra ``pylstm[river]``; pandas only for the calls with "many" in their name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from river import base
from river.time_series.base import Forecaster as BaseForecaster

from pylstm.estimators import Classifier, Detector, Forecaster, Regressor
from pylstm.registry import register

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LSTMClassifier", "LSTMDetector", "LSTMForecaster", "LSTMRegressor"]


def _rows(X: pd.DataFrame) -> list[dict[Any, Any]]:
    return [dict(zip(X.columns, row, strict=True)) for row in X.itertuples(index=False, name=None)]


def _check_lengths(X: pd.DataFrame, y: pd.Series) -> None:
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}, wanted as many")


class LSTMRegressor(Regressor, base.MiniBatchRegressor):
    __doc__ = f"""{Regressor.__doc__}
    Build a river pipeline with it, or compare it by a river metric:

    >>> from river import datasets, evaluate, metrics
    >>> from pylstm.river import LSTMRegressor
    >>> mae = evaluate.progressive_val_score(
    ...     datasets.TrumpApproval(), LSTMRegressor(), metrics.MAE()
    ... )
    >>> mae.get() < 1
    True
    """

    def learn_many(self, X: pd.DataFrame, y: pd.Series) -> None:
        """Learn from rows in their order, exactly as a loop of `learn_one`.

        Parameters
        ----------
        X : DataFrame
        y : Series
        """
        _check_lengths(X, y)
        for x, value in zip(_rows(X), y.tolist(), strict=True):
            self.learn_one(x, value)

    def predict_many(self, X: pd.DataFrame) -> pd.Series:
        """Return what `predict_one` says of every row: each as the one that comes next.

        Parameters
        ----------
        X : DataFrame

        Returns
        -------
        Series
        """
        import pandas as pd

        return pd.Series([self.predict_one(x) for x in _rows(X)], X.index, float)


class LSTMClassifier(Classifier, base.MiniBatchClassifier):  # type: ignore[misc]
    __doc__ = f"""{Classifier.__doc__}
    Compare it by a river metric:

    >>> from river import datasets, evaluate, metrics
    >>> from pylstm.river import LSTMClassifier
    >>> accuracy = evaluate.progressive_val_score(
    ...     datasets.Phishing(), LSTMClassifier(), metrics.Accuracy()
    ... )
    >>> accuracy.get() > 0.8
    True
    """

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_many(self, X: pd.DataFrame, y: pd.Series) -> None:
        """Learn from rows in their order, exactly as a loop of `learn_one`.

        Parameters
        ----------
        X : DataFrame
        y : Series
        """
        _check_lengths(X, y)
        for x, label in zip(_rows(X), y.tolist(), strict=True):
            self.learn_one(x, label)

    def predict_proba_many(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what `predict_proba_one` says of every row: each as the one that comes next.

        Parameters
        ----------
        X : DataFrame

        Returns
        -------
        DataFrame
            One column a class.
        """
        import pandas as pd

        rows = [self.predict_proba_one(x) for x in _rows(X)]
        return pd.DataFrame(rows, X.index, self.classes, float)

    def predict_many(self, X: pd.DataFrame) -> pd.Series:
        """Return what `predict_one` says of every row: each as the one that comes next.

        Parameters
        ----------
        X : DataFrame

        Returns
        -------
        Series
        """
        import pandas as pd

        return pd.Series([self.predict_one(x) for x in _rows(X)], X.index)


class LSTMForecaster(Forecaster, BaseForecaster):
    __doc__ = f"""{Forecaster.__doc__}
    Compare it by a river metric, twelve months ahead:

    >>> from river import datasets, evaluate, metrics
    >>> from pylstm.river import LSTMForecaster
    >>> mae = evaluate.evaluate(
    ...     datasets.AirlinePassengers(), LSTMForecaster(season=12), metrics.MAE(), horizon=12
    ... )
    >>> max(mae.get()) < 100
    True
    """


class LSTMDetector(Detector, base.AnomalyDetector):
    __doc__ = f"""{Detector.__doc__}
    Judge it by a river metric, rows scored before they are learned:

    >>> import math
    >>> from river import evaluate, metrics
    >>> from pylstm.river import LSTMDetector
    >>> rows = [math.sin(t * math.pi / 12) + (t * 7919 % 101) / 101 for t in range(1000)]
    >>> stream = [({{"load": y + 3 * (t == 900)}}, t == 900) for t, y in enumerate(rows)]
    >>> auc = evaluate.progressive_val_score(stream, LSTMDetector(season=24), metrics.ROCAUC())
    >>> auc.get() > 0.95
    True
    """


for _class in (LSTMRegressor, LSTMClassifier, LSTMForecaster, LSTMDetector):
    register(_class, f"river.{_class.__name__}")
