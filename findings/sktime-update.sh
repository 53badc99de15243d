#!/bin/sh
# sktime 1.2.0, update of a forecaster made by make_reduction(strategy="recursive").
#
# Bet: update(y) learns from the new values: update_params=True is the default, and the values are remembered.
# Seen: the regressor is never fitted again. Only the window moves: what was learned of the old values is applied
# to the new ones. A series that alternates teaches "the other sign"; after 200 constant values of 5 the forecasts
# still alternate, where a fit of all values says nearly 5.
#
#     after update   -5.00, 5.00
#     fit of all      4.81, 4.64
#
# Matters when an online learner is compared with sktime's update: the peer has not learned since fit.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sktime==1.2.0 scikit-learn==1.9.1 pandas==3.0.6 numpy==2.4.6
venv/bin/python -I - <<'END'
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sktime.forecasting.compose import make_reduction

old = pd.Series(np.tile([1.0, -1.0], 50))
new = pd.Series(5.0, index=range(100, 300))


def forecaster():
    model = make_reduction(LinearRegression(), window_length=1, strategy="recursive")
    return model.set_config(remember_data=True)


updated = forecaster().fit(old, fh=[1, 2]).update(new, update_params=True).predict()
fitted = forecaster().fit(pd.concat([old, new]), fh=[1, 2]).predict()
print("after update", updated.round(2).tolist(), "fit of all", fitted.round(2).tolist())
assert np.allclose(updated, [-5, 5])
assert np.allclose(fitted, 5, atol=0.5)
END
