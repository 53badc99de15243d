"""Odd but good input: any layout, dtype and writability gives the same bits and is left alone."""

import numpy as np
import pytest
from nets import NETS, assert_same_bits, assert_same_future, build, random_task

LAYOUTS = {
    "fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "strided": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "lists": lambda a: a.tolist(),
    "float32": np.float32,
    "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: _unaligned(a),
}


def _unaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    copied = memory.view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_good_input(layout, architecture, dtype, rng):
    inputs, targets = random_task(architecture, 12, rng)
    plain, odd = build(architecture, dtype), build(architecture, dtype)
    given = LAYOUTS[layout](inputs), LAYOUTS[layout](targets)
    assert_same_bits(odd.run(*given), plain.run(inputs, targets))
    for name, values in plain.gradient(inputs, targets).items():
        assert_same_bits(odd.gradient(*given)[name], values)
    assert_same_bits(odd.predict(given[0][0]), plain.predict(inputs[0]))
    assert_same_bits(odd.step(given[0][0]), plain.step(inputs[0]))
    assert odd.learn(given[1][-1]) == plain.learn(targets[-1])
    assert_same_future(odd, plain, architecture)


@pytest.mark.parametrize("kind", [int, np.int8, np.uint64, bool])
def test_whole_numbers_are_good_input(kind, dtype):
    net, plain = build(NETS["default"], dtype), build(NETS["default"], dtype)
    ones = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    wanted = plain.run(ones.astype(float), ones[:, :2].astype(float))
    assert_same_bits(net.run(ones.astype(kind), ones[:, :2].astype(kind)), wanted)
    assert_same_future(net, plain, NETS["default"])


def test_inputs_are_never_modified(architecture, dtype, rng):
    """Neither when writable, nor read-only, and what was passed may change afterwards."""
    inputs, targets = random_task(architecture, 12, rng, "dense")
    inputs, targets = inputs.astype(dtype), targets.astype(dtype)
    kept = inputs.copy(), targets.copy()
    net, undisturbed = build(architecture, dtype), build(architecture, dtype)
    for writable in (True, False):
        inputs.flags.writeable = targets.flags.writeable = writable
        for model in (net, undisturbed):
            model.run(inputs, targets)
            model.gradient(inputs, targets)
            model.predict(inputs[0])
            model.step(inputs[1])
            model.learn(targets[1], update=False)
            model.learn_from(targets[2])
        assert_same_bits(inputs, kept[0])
        assert_same_bits(targets, kept[1])
    inputs.flags.writeable = True
    x = inputs[3]
    net.step(x)
    undisturbed.step(x.copy())
    x[:] = 9
    assert net.learn(targets[3]) == undisturbed.learn(targets[3])
    assert_same_future(net, undisturbed, architecture)
