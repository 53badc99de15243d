"""The estimators as river's, for its pipelines and metrics.

    from pylstm.river import LSTMRegressor
    model = LSTMRegressor()                       # no scaler needed: it scales by itself
    for x, y in stream:
        prediction = model.predict_one(x)
        model.learn_one(x, y)

The state advances with every `learn_one` and with nothing else; a prediction is about the next
row. Needs the extra ``pylstm[river]``. The calls with "many" in their name take frames of
pandas, polars or pyarrow, by narwhals as river does, and return what is of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from narwhals.exceptions import DuplicateError
from river import base
from river.time_series.base import Forecaster as BaseForecaster
from river.utils import dataframe

from pylstm.errors import brief
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor
from pylstm.registry import register

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoDataFrame, IntoSeries

__all__ = [
    "LSTMClassifier",
    "LSTMDetector",
    "LSTMForecaster",
    "LSTMMultiTargetRegressor",
    "LSTMRegressor",
]


def _framed(X: Any) -> Any:
    """A frame as narwhals has it, its columns of different names."""
    try:
        frame = dataframe.into_frame(X)
        _ = frame.columns
    except DuplicateError:
        names = list(getattr(X, "column_names", None) or X.columns)
        name = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"X has more than one column {brief(name)}, wanted one of a name"
        ) from None
    return frame


class _Adapter(base.Base):
    """What river asks of every estimator."""

    __repr__ = base.Base.__repr__

    def clone(
        self, new_params: dict[str, Any] | None = None, include_attributes: bool = False
    ) -> Self:
        """Return a new, untrained one with the same parameters, or with `new_params`.

        Parameters
        ----------
        new_params : dict, optional
        include_attributes : bool, default False
            Whether what was learned goes with it; parameters that contradict it are refused.

        Raises
        ------
        ValueError, TypeError
            For parameters that make no sense.
        """
        clone: Self = super().clone(new_params)
        if include_attributes:
            state: dict[str, Any] = self.__getstate__()  # type: ignore[assignment]
            state["parameters"] = {name: getattr(clone, name) for name in state["parameters"]}
            clone.__setstate__(state)  # type: ignore[attr-defined]
        return clone


class _LearnsMany(_Adapter):
    """Frames of rows with targets or labels."""

    def learn_many(self, X: IntoDataFrame, y: Any, w: Any = 1.0) -> None:
        """Learn from rows in their order, exactly as a loop of `learn_one`.

        Where features and targets are numbers, or labels known, no Python runs between the rows.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or Table of pyarrow
        y : Series or ndarray, or of a regressor a frame of several targets
        w : float or Series, default 1
            Weights of the rows.

        Raises
        ------
        ValueError, TypeError
            For columns that are not as long or have one name, or a row that `learn_one` refuses.
            Where all are numbers nothing has changed then; else the rows before it are learned.
        """
        _framed(X)
        super().learn_many(X, y, w)  # type: ignore[misc]


class LSTMRegressor(_LearnsMany, Regressor, base.MiniBatchRegressor):
    __doc__ = f"""{Regressor.__doc__}
    Build a river pipeline with it, or compare it by a river metric:

    >>> from river import datasets, evaluate, metrics
    >>> from pylstm.river import LSTMRegressor
    >>> mae = evaluate.progressive_val_score(
    ...     datasets.TrumpApproval(), LSTMRegressor(), metrics.MAE()
    ... )
    >>> mae.get() < 1
    True

    Targets that come five rows late, and a model that knows it:

    >>> late = evaluate.progressive_val_score(
    ...     datasets.TrumpApproval(), LSTMRegressor(delay=5), metrics.MAE(), delay=5
    ... )
    >>> late.get() < 2
    True
    """

    def predict_many(self, X: IntoDataFrame) -> Any:
        """Return what `predict_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or Table of pyarrow

        Returns
        -------
        Series of the same kind, or a frame of several targets
        """
        frame, found = _framed(X), super().predict_many(X)
        if isinstance(found, dict):
            return dataframe.to_native_frame(found, like=frame)
        if found.ndim == 1:
            return dataframe.to_native_series(found, name=None, like=frame)
        return dataframe.to_native_frame(dict(enumerate(found.T)), like=frame)


class LSTMMultiTargetRegressor(_Adapter, Regressor, base.MultiTargetRegressor):  # type: ignore[misc]
    __doc__ = f"""{Regressor.__doc__}
    Targets are dicts, as river has them, and so are predictions; empty before the first target:

    >>> from river import evaluate, metrics
    >>> from pylstm.river import LSTMMultiTargetRegressor
    >>> days = [(t % 24, 5 * math.sin(t * math.pi / 12)) for t in range(1000)]
    >>> rows = [({{"hour": hour}}, {{"load": 20 + wave, "price": 8 - wave}}) for hour, wave in days]
    >>> metric = metrics.multioutput.MicroAverage(metrics.MAE())
    >>> evaluate.progressive_val_score(rows, LSTMMultiTargetRegressor(8), metric).get() < 1
    True
    """

    def predict_one(self, x: Mapping[Any, Any], *, with_dist: bool = False) -> Any:
        """Predict the targets of the next row, as `LSTMRegressor` does: a dict.

        Parameters
        ----------
        x : dict
        with_dist : bool, default False
            Whether to return distributions.

        Returns
        -------
        dict
        """
        found = super().predict_one(x, with_dist=with_dist)
        return {} if self._targets.form is None else found


class LSTMClassifier(_LearnsMany, Classifier, base.MiniBatchClassifier):  # type: ignore[misc]
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

    def predict_proba_many(self, X: IntoDataFrame) -> IntoDataFrame:
        """Return what `predict_proba_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or Table of pyarrow

        Returns
        -------
        frame of the same kind
            One column a class; but for pandas its name is text.
        """
        frame, shares = _framed(X), super().predict_proba_many(X)
        columns = dict(zip(self.classes, shares.T, strict=True))
        return dataframe.to_native_frame(columns, like=frame)

    def predict_many(self, X: IntoDataFrame) -> IntoSeries:
        """Return what `predict_one` returns for every row, each taken as the next one.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or Table of pyarrow

        Returns
        -------
        Series of the same kind
        """
        return dataframe.to_native_series(super().predict_many(X), name=None, like=_framed(X))


class LSTMForecaster(_Adapter, Forecaster, BaseForecaster):
    __doc__ = f"""{Forecaster.__doc__}
    Compare it by a river metric, twelve months ahead:

    >>> from river import datasets, evaluate, metrics
    >>> from pylstm.river import LSTMForecaster
    >>> mae = evaluate.evaluate(
    ...     datasets.AirlinePassengers(), LSTMForecaster(season=12), metrics.MAE(), horizon=12
    ... )
    >>> max(mae.get()) < 100
    True

    Watch a series by how far off its forecasts are:

    >>> import math
    >>> from river import anomaly
    >>> watch = anomaly.PredictiveAnomalyDetection(LSTMForecaster(8), horizon=1, warmup_period=200)
    >>> scores = []
    >>> for t in range(600):
    ...     y = math.sin(t * math.pi / 12) + (t * 7919 % 101) / 500 + 2 * (t == 500)
    ...     scores.append(watch.score_one(None, y))
    ...     watch.learn_one(None, y)
    >>> scores[500], sum(scores[400:500]) / 100 < 0.5
    (1.0, True)
    """


class LSTMDetector(_Adapter, Detector, base.AnomalyDetector):
    __doc__ = f"""{Detector.__doc__}
    Judge it by a river metric, rows scored before they are learned:

    >>> import math
    >>> from river import evaluate, metrics
    >>> from pylstm.river import LSTMDetector
    >>> rows = [math.sin(t * math.pi / 12) + (t * 7919 % 101) / 101 for t in range(1000)]
    >>> stream = [({{"load": y + 3 * (t == 900)}}, t == 900) for t, y in enumerate(rows)]
    >>> auc = evaluate.progressive_val_score(stream, LSTMDetector(season=24), metrics.ROCAUC())
    >>> float(auc.get()) > 0.95
    True
    """


for _class in (
    LSTMRegressor,
    LSTMMultiTargetRegressor,
    LSTMClassifier,
    LSTMForecaster,
    LSTMDetector,
):
    register(_class, f"river.{_class.__name__}")
