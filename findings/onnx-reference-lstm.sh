#!/bin/sh
# onnx 1.23.2, its ReferenceEvaluator, beside onnxruntime 1.32.0: operator LSTM.
#
# Bet: the reference implements the operator it defines, so it can be the oracle of an exported model.
# Seen: `clip`, `input_forget` and the input `sequence_lens` change nothing at all in the reference, to the bit.
# onnxruntime honours the three. Without them the two agree but for rounding.
#
#     largest change of Y          clip   input_forget   sequence_lens
#     reference                       0              0               0
#     onnxruntime                 0.379          0.672           0.318
#
# Matters for tests of an export: coupled gates and ragged batches cannot be checked against the reference.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
venv/bin/python -I - <<'END'
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime import InferenceSession

STEPS, BATCH, INPUTS, CELLS = 5, 2, 3, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(STEPS, BATCH, INPUTS)).astype(np.float32)
W = 2 * rng.normal(size=(1, 4 * CELLS, INPUTS)).astype(np.float32)
R = rng.normal(size=(1, 4 * CELLS, CELLS)).astype(np.float32)
LENGTHS = np.array([5, 2], np.int32)


def outputs(lengths=False, **attributes):
    weights = {"W": W, "R": R} | ({"lengths": LENGTHS} if lengths else {})
    names = ["X", "W", "R"] + (["", "lengths"] if lengths else [])
    graph = helper.make_graph(
        [helper.make_node("LSTM", names, ["Y"], hidden_size=CELLS, **attributes)],
        "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (STEPS, 1, BATCH, CELLS))],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    checker.check_model(model, full_check=True)
    runtime = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return ReferenceEvaluator(model).run(None, {"X": X})[0], runtime.run(None, {"X": X})[0]


plain = outputs()
assert np.allclose(*plain, atol=1e-5)
for options in ({"clip": 0.5}, {"input_forget": 1}, {"lengths": True}):
    reference, runtime = (abs(new - old).max() for new, old in zip(outputs(**options), plain))
    print(options, f"reference {reference:.3f} onnxruntime {runtime:.3f}")
    assert reference == 0 and runtime > 0.1
END
