#!/bin/sh
# safetensors 0.8.0, safetensors.numpy.save of a NumPy view.
#
# Bet: what is loaded equals what was saved, whatever the strides; or views are refused, as for PyTorch.
# Seen: the shape is that of the view, the values are those that lie in memory from its first element on.
#
#     saved  [[0, 3], [1, 4], [2, 5]]   (a transpose)      loaded  [[0, 1], [2, 3], [4, 5]]
#     saved  [0, 2, 4]                  (every second)     loaded  [0, 1, 2]
#
# Matters when weights are exchanged: a matrix transposed to another library's layout, or one gate cut from
# joined columns, is such a view, and the file loads without complaint. numpy.ascontiguousarray first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
venv/bin/python -I - <<'END'
import numpy as np
from safetensors.numpy import load, save

VIEWS = {
    "transpose": (np.arange(6.0).reshape(2, 3).T, [[0, 1], [2, 3], [4, 5]]),
    "every second": (np.arange(6.0)[::2], [0, 1, 2]),
}
for name, (view, seen) in VIEWS.items():
    loaded = load(save({"weights": view}))["weights"]
    print(name, view.tolist(), loaded.tolist())
    assert loaded.tolist() == seen != view.tolist()
    contiguous = np.ascontiguousarray(view)
    assert np.array_equal(load(save({"weights": contiguous}))["weights"], view)
END
