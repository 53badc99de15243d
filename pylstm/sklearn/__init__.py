"""The estimators as scikit-learn's: rows in time order, or sequences.

    from pylstm.sklearn import LSTMRegressor
    model = LSTMRegressor().fit(X[:1000], y[:1000])     # one pass over the rows, in their order
    model.predict(X[1000:])                             # the rows that follow

What the library asks of `fit` and `predict` is kept: `fit` begins anew, `predict` changes nothing
and gives the same every time. Its rows are those that follow the fitted ones, so their order
matters. `partial_fit` goes on where the stream stands, without y where no targets come. A row whose
target is missing (NaN, None, pandas.NA) is seen and not learned, and not scored.

Sequences are told apart in one of three ways, and each begins from a fresh state:

- ``sequence_column="id"``: a column of X, which goes wherever X goes. Every splitter, scorer,
  search and pipeline takes it along, and splitters of groups keep sequences whole.
- ``fit(X, y, sequence=ids)``, and `predict` and `score` likewise: an id a row. scikit-learn cuts
  it for `fit` of a fold; where metadata are routed for `score` too, and a pipeline passes it on.
  Other scorers and `cross_val_predict` hand nothing to `predict`: they need the column.
- ``fit(X, y, lengths)``: how many rows each has. No splitter can cut it.

One target a sequence stands at its last row, with none at the others, and is scored alone:

>>> import numpy as np
>>> from sklearn.model_selection import GridSearchCV, GroupKFold
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from pylstm.sklearn import LSTMClassifier
>>> rng, ids = np.random.default_rng(0), np.repeat(np.arange(90), 3)
>>> first = rng.normal(size=90)
>>> X = np.column_stack([ids, rng.normal(size=270)])
>>> X[::3, 1] = first
>>> y = np.full(270, None)
>>> y[2::3] = np.where(first > 0, "rose", "fell")
>>> model = make_pipeline(StandardScaler(), LSTMClassifier(4, sequence_column=0))
>>> grid = {"lstmclassifier__optimizer__learning_rate": [1e-5, 1e-2]}
>>> search = GridSearchCV(model, grid, cv=GroupKFold(3)).fit(X, y, groups=ids)
>>> search.best_params_
{'lstmclassifier__optimizer__learning_rate': 0.01}
>>> bool(search.best_score_ > 0.9)
True

The ids as metadata, where those are routed:

>>> from sklearn import config_context
>>> from sklearn.model_selection import cross_val_score
>>> with config_context(enable_metadata_routing=True):
...     more = {"sequence": ids, "groups": ids}
...     scores = cross_val_score(LSTMClassifier(4), X[:, 1:], y, params=more, cv=GroupKFold(3))
>>> bool(scores.mean() > 0.9)
True

Needs the extra ``pylstm[sklearn]``.
"""

from pylstm.registry import register
from pylstm.sklearn.classifier import LSTMClassifier
from pylstm.sklearn.forecaster import LSTMForecaster
from pylstm.sklearn.regressor import LSTMRegressor

__all__ = ["LSTMClassifier", "LSTMForecaster", "LSTMRegressor"]

for _class in (LSTMRegressor, LSTMClassifier, LSTMForecaster):
    register(_class, f"sklearn.{_class.__name__}")
