#!/bin/sh
# onnxruntime 1.32.0, operator LSTM with `sequence_lens`, initial states given.
#
# Bet: a sequence of length 0 leaves its states alone: Y_h and Y_c are initial_h and initial_c.
# Seen: they are 0. The sequences beside it go on as they should.
#
#     lengths         2       0
#     initial Y_h     0.5     0.5
#     Y_h             0.81    0.0
#     initial Y_c     0.7     0.7
#     Y_c             1.90    0.0
#
# Matters when many streams share one call and some have no new row: carried on from Y_h and Y_c they have
# forgotten everything. Leave such streams out of the batch, or keep their old states.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
venv/bin/python -I - <<'END'
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from onnxruntime import InferenceSession

STEPS, BATCH, CELLS = 2, 2, 1
weights = {
    "W": np.ones((1, 4 * CELLS, 1), np.float32),
    "R": np.ones((1, 4 * CELLS, CELLS), np.float32),
    "lengths": np.array([2, 0], np.int32),
    "h": np.full((1, BATCH, CELLS), 0.5, np.float32),
    "c": np.full((1, BATCH, CELLS), 0.7, np.float32),
}
shapes = {"Y": (STEPS, 1, BATCH, CELLS), "Y_h": (1, BATCH, CELLS), "Y_c": (1, BATCH, CELLS)}
graph = helper.make_graph(
    [helper.make_node("LSTM", ["X", "W", "R", "", "lengths", "h", "c"], list(shapes), hidden_size=CELLS)],
    "lstm",
    [helper.make_tensor_value_info("X", TensorProto.FLOAT, (STEPS, BATCH, 1))],
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
    [numpy_helper.from_array(array, name) for name, array in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
checker.check_model(model, full_check=True)
session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
hidden, cell = session.run(["Y_h", "Y_c"], {"X": np.ones((STEPS, BATCH, 1), np.float32)})
print("Y_h", hidden.ravel(), "Y_c", cell.ravel())
assert hidden[0, 0] > 0.5 and cell[0, 0] > 0.7
assert hidden[0, 1] == cell[0, 1] == 0
END
