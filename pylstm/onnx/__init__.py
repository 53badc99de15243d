"""A step of a network, or a row of an estimator, as an ONNX model; of both directions a sequence.

What a step needs of the steps before comes in and goes out: an input NAME of the state, and an
output next_NAME to be given as NAME to the next step. Elementary operations of opset 13 are
enough; weights are initialisers, named after `LSTM.parameters`. See `pylstm.onnx.network` for the
equations of a step, `pylstm.onnx.scaling` for those that standardise, `pylstm.onnx.supervised` and
`pylstm.onnx.forecaster` for what estimators put around their networks.

Needs the onnx package, which is imported here and nowhere else: pip install 'pylstm[onnx]'.
"""

from __future__ import annotations

import os
from typing import Any

import onnx

from pylstm.errors import brief
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.files import written_whole
from pylstm.network import LSTM
from pylstm.onnx.forecaster import ForecasterRow
from pylstm.onnx.graph import OPSET, Graph, PackedGraph
from pylstm.onnx.network import network_graph
from pylstm.onnx.supervised import ClassifierRow, RegressorRow

__all__ = ["OPSET", "export_onnx"]

_ROWS = {Regressor: RegressorRow, Classifier: ClassifierRow, Forecaster: ForecasterRow}


def export_onnx(
    model: LSTM | Regressor | Classifier | Forecaster, path: str | os.PathLike[str] | None = None
) -> onnx.ModelProto:
    """Return a network, or a whole estimator, as an ONNX model of one step; write it if wanted.

    A step of several layers is that of all of them. Of both directions, which have no single step,
    the model is that of a sequence.

    Parameters
    ----------
    model : LSTM, Regressor, Classifier or Forecaster
        Its weights as they are now; it does not change. The classes of `pylstm.river` are such
        estimators, and of scikit-learn's it is the `estimator_` behind.
    path : str or path, optional
        File to write, whole or not at all.

    Returns
    -------
    onnx.ModelProto
        Of opset 13. For every input NAME of the state there is an output "next_NAME", to be given
        to the next step.

        Of a network, in its dtype: "x" (n_inputs,), "cell_state" and "cell_output" (n_cells,) and,
        with gate recurrence, the gates there are, (n_blocks,) each; with ordinary units "unit"
        (n_units,); as in `LSTM.state`. Outputs:
        "y" (n_outputs,), and the state. A sequence begins with zeros. Of several layers these are
        "layer0.cell_state" and so on, of each; a token is the vector it stands for. With
        `bidirectional` there is no state: "x" (n_steps, n_inputs), a whole sequence of at least one
        step, and "y" (n_steps, n_outputs), as of `LSTM.run_sequences`. With `scale_inputs` NaN in x
        is a missing value, and there is a further state, "input_statistics", float64: what is known
        of the inputs. It may be left out, and is then that of the network as it is now.

        Of an estimator: "x" (n_features,), float64, the features in the order of `feature_names`,
        NaN where missing, and the state as one vector, "state", float64. The first row leaves it
        out; it is then that of the estimator as it is now. Besides there go in and out, float64
        unless it is said,

        - of a Regressor "prediction" (n_targets,) out, and with `feedback` "last_target"
          (n_targets,) in: the targets of the row before, NaN where not known;
        - of a Classifier "probabilities" (n_classes,) in the order of `classes` out, and with
          `feedback` "last_label" (1,), int64, in: the place of the last label in `classes`, -1
          where it is not known;
        - of a Forecaster "forecast" (1,) out, of the row of x, and "last_value" (1,) in: the value
          of the row before, NaN where it is not known.

        Without features there is no "x". ``metadata_props`` has the "feature_names", the
        "classes" and the names of the "targets" as JSON.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an estimator with `delay`, a Forecaster with `horizon`, or one that has learned from no
        row.
    InputError
        When the file cannot be written.

    Notes
    -----
    The model predicts and does not learn. Of a network it computes the numbers of `LSTM.step`
    without targets, to rounding: as there, statistics of the inputs go on, those of the targets
    stay. Both directions are a Scan of the step over the sequence, once as it is and once turned
    round.

    Of an estimator it computes those of this loop over the rows that follow, to rounding::

        for x, y in rows:
            model.predict_one(x)  # predict_proba_one(x); of a Forecaster forecast(1, [x])
            model.advance_one(x, y)  # of a Forecaster advance_one(y, x)

    where "last_target", "last_label" or "last_value" is the y of the row before. A forecaster whose
    last value is NaN takes its own forecast for it: so k rows without values are what
    ``forecast(k, xs)`` returns, and the state before them can be gone back to.

    Weights, the statistics of targets, and what several networks and candidates are mixed by stay
    as they are, and so do the features and the labels there are. With `calendar` the numbers made
    of time stamps are features, by the names they have in `feature_names`, and so are those made of
    text: 1 for the pair of its name and value, 0 for the other pairs of the name, or all NaN.

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> from onnx.reference import ReferenceEvaluator
    >>> from pylstm.onnx import export_onnx
    >>> net = pylstm.LSTM(n_inputs=2, n_outputs=1, n_blocks=4)
    >>> model = ReferenceEvaluator(export_onnx(net))
    >>> state = {name: np.zeros(4, np.float32) for name in ("cell_state", "cell_output")}
    >>> for x in np.float32([[1, 2], [3, 4]]):
    ...     y, *values = model.run(None, {"x": x, **state})
    ...     state = dict(zip(state, values))
    ...     same = bool(abs(y - net.step(x)).max() < 1e-6)
    >>> same
    True

    Both directions, a sequence of six steps:

    >>> net = pylstm.LSTM(2, 1, [4, 4], bidirectional=True, gradient="bptt")
    >>> model = ReferenceEvaluator(export_onnx(net))
    >>> x = np.float32(np.arange(12)).reshape(6, 2)
    >>> bool(abs(model.run(None, {"x": x})[0] - net.run_sequences(x)).max() < 1e-6)
    True

    A whole estimator, which needs no state to begin with:

    >>> from pylstm.estimators import Regressor
    >>> regressor = Regressor(n_cells=4)
    >>> for t in range(200):
    ...     regressor.learn_one({"hour": t % 24}, t % 24 + 0.5)
    >>> model, state, last = ReferenceEvaluator(export_onnx(regressor)), {}, np.nan
    >>> for t in range(200, 224):
    ...     given = {"x": np.array([t % 24.0]), "last_target": np.array([last])}
    ...     prediction, following = model.run(None, given | state)
    ...     state = {"state": following}
    ...     wanted, last = regressor.predict_one({"hour": t % 24}), t % 24 + 0.5
    ...     regressor.advance_one({"hour": t % 24}, last)
    >>> bool(abs(prediction[0] - wanted) < 1e-5)
    True
    """
    model = getattr(model, "estimator_", model)
    proto = _graph_of(model).model()
    onnx.checker.check_model(proto)
    if path is not None:
        with written_whole(path) as temporary, open(temporary, "wb") as file:
            file.write(proto.SerializeToString())
    return proto


def _graph_of(model: Any) -> Graph:
    """What the model does, or TypeError."""
    if isinstance(model, LSTM):
        return network_graph(model)
    for kind, row in _ROWS.items():
        if isinstance(model, kind):
            graph = PackedGraph()
            row(graph, model).add()
            return graph
    raise TypeError(
        f"model is {brief(model)}, wanted a pylstm.LSTM, Regressor, Classifier or Forecaster"
    )
