#!/bin/sh
# keras 3.15.1 on torch 2.13.0: layers that have weights, put into a Bidirectional.
#
# Bet: layers.Bidirectional(there, backward_layer=back) runs the two layers it was given; and if it made new ones,
# it would make both anew.
# Seen: backward_layer is the layer that was given, with its weights. The first is taken for a pattern: a new layer of
# its configuration with weights drawn anew, without a word. So half of the outputs are as wanted and half are not.
#
#     largest difference from the layers that were given     forward half 0.344     backward half 0
#
# Matters when weights come from another library, or two trained layers are joined: wrap first, then set_weights of
# the Bidirectional, the arrays of the forward layer before those of the backward one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 torch==2.13.0 numpy==2.4.6
KERAS_BACKEND=torch venv/bin/python -W ignore - <<'END'
import keras
import numpy as np

keras.utils.set_random_seed(0)
CELLS = 4
x = np.random.default_rng(0).normal(size=(1, 5, 3)).astype(np.float32)


def layer(**keywords):
    made = keras.layers.LSTM(CELLS, return_sequences=True, **keywords)
    made.build((None, None, 3))
    return made


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


there, back = layer(), layer(go_backwards=True)
both = keras.layers.Bidirectional(there, backward_layer=back)


def off():
    wanted = np.concatenate([values(there(x)), values(back(x))[:, ::-1]], axis=-1)
    distance = np.abs(values(both(x)) - wanted)
    return distance[..., :CELLS].max(), distance[..., CELLS:].max()


forward, backward = off()
print(f"forward half off by {forward:.3f}, backward half by {backward:.1e}")
assert forward > 0.1 and backward < 1e-6
both.set_weights(there.get_weights() + back.get_weights())
forward, backward = off()
print(f"weights set again: {forward:.1e}, {backward:.1e}")
assert max(forward, backward) < 1e-6
END
