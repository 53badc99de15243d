"""What others have printed about the same streams; nothing here is run.

deep-river's figures are those its repository holds under ``benchmarks/`` (regression.csv,
binary_classification.csv, forecasting.csv; the last line of each run), models as in its config.py:
a standard scaler before an LSTM of 64 units (32 for classes), window 30, Adam(1e-3). The forecasts
are scored by ForecastingTrack: three rows ahead, the first twelve not scored, each forecast made
before the current row is learned. So they are scored one row later than they were made for; the
column of that name repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DEEP_RIVER", "LINEAR", "PUBLISHED"]

#: deep-river's LSTM: mean absolute error, or accuracy.
DEEP_RIVER: Mapping[str, float] = {
    "trump": 10.706,
    "chicks": 100.0,
    "phishing": 0.870,
    "bananas": 0.607,
    "airline": 295.0,
    "trump ahead": 22.4,
}

#: river's linear model with SGD(0.005) in deep-river's own run: what this bench must find as well.
LINEAR: Mapping[str, float] = {
    "trump": 1.620282946229109,
    "chicks": 24.488017178245396,
    "phishing": 0.888,
}

#: The other figures of the same tables.
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "airline": {
        "deep-river, N-BEATS": 48.518,
        "river, Holt-Winters": 39.441,
        "river, SNARIMAX": 32.773,
    },
    "trump ahead": {
        "deep-river, N-BEATS": 1.0665,
        "river, Holt-Winters": 0.3931,
        "river, SNARIMAX": 0.31,
    },
}
