#!/bin/sh
# safetensors 0.8.0, save with metadata.
#
# Bet: the same tensors and the same metadata give the same bytes; tensors are sorted, after all.
# Seen: the metadata are written in a random order, another one at every call, in one process too. Eight keys
# saved 20 times are some 20 different files; without metadata they are one.
#
#     with metadata 20 of 20 different, without 1
#
# Matters when checkpoints are compared or stored by their hash: a model that has not changed looks changed.
# One key whose value is a JSON document is always written alike.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
venv/bin/python -I - <<'END'
import json

import numpy as np
from safetensors.numpy import save

TENSORS = {"weights": np.zeros(2), "bias": np.zeros(2)}
METADATA = {key: key for key in "abcdefgh"}


def files(metadata):
    return len({save(TENSORS, metadata) for _ in range(20)})


print("with metadata", files(METADATA), "without", files(None))
assert files(METADATA) > 10
assert files(None) == files({"all": json.dumps(METADATA)}) == 1
END
