"""Keywords of other libraries are answered by the names here."""

import pytest

import pylstm
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor

ANSWERS = [
    (pylstm.LSTM, "hidden_size", "n_blocks"),
    (pylstm.LSTM, "units", "n_blocks"),
    (pylstm.LSTM, "n_cells", "n_blocks"),
    (pylstm.LSTM, "input_size", "n_inputs"),
    (pylstm.LSTM, "num_classes", "n_outputs"),
    (pylstm.LSTM, "lr", r"optimizer, as in optimizer=pylstm.Adam\(0.001\)"),
    (pylstm.LSTM, "learning_rate", "optimizer, as in"),
    (pylstm.LSTM, "random_state", "seed"),
    (pylstm.LSTM, "criterion", "loss"),
    (pylstm.LSTM, "peephole", "peepholes"),
    (pylstm.LSTM, "n_output", "n_outputs"),  # of no library: the nearest
    (pylstm.Adam, "lr", "learning_rate"),
    (pylstm.Adam, "eps", "epsilon"),
    (pylstm.Adam, "betas", "beta1"),
    (pylstm.RMSprop, "rho", "decay"),
    (pylstm.SGD, "lr", "learning_rate"),
    (pylstm.ObGD, "lr", "learning_rate"),
    *((kind, "hidden_size", "n_cells") for kind in (Regressor, Classifier, Forecaster, Detector)),
    *((kind, "lr", "optimizer, as in") for kind in (Regressor, Classifier, Forecaster, Detector)),
]


@pytest.mark.parametrize(("kind", "name", "here"), ANSWERS)
def test_it_is_called_otherwise_here(kind, name, here):
    message = f"^{kind.__name__} got an unexpected keyword argument '{name}': wanted {here}"
    with pytest.raises(TypeError, match=message):
        kind(**{name: 1})


def test_inside_of_others():
    with pytest.raises(TypeError, match="'hidden_size': wanted n_blocks"):
        pylstm.Population(2, 1, 1, 1, hidden_size=3)
    with pytest.raises(TypeError, match="'hidden_size': wanted n_blocks"):
        Regressor(network={"hidden_size": 3})


def test_what_is_like_nothing_is_refused_as_ever():
    with pytest.raises(TypeError, match=r"^LSTM got an unexpected keyword argument 'xyzzy'$"):
        pylstm.LSTM(1, 1, 1, xyzzy=1)
    with pytest.raises(TypeError, match=r"^Regressor got an unexpected .* 'batch_size'$"):
        Regressor(batch_size=16)  # which is no block_size


def test_in_the_adapter_of_scikit_learn():
    sklearn = pytest.importorskip("pylstm.sklearn", reason="the extra [sklearn] is not installed")
    for kind in (sklearn.LSTMRegressor, sklearn.LSTMClassifier, sklearn.LSTMForecaster):
        for name, here in (("seed", "random_state"), ("units", "n_cells"), ("epochs", "n_epochs")):
            message = (
                f"^{kind.__name__} got an unexpected keyword argument '{name}': wanted {here}$"
            )
            with pytest.raises(TypeError, match=message):
                kind(**{name: 1})
