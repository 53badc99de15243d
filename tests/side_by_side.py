"""Tasks of several streams, and whether two Streams are the same."""

import numpy as np
from nets import assert_close, assert_same_bits, get_parameters, random_task


def random_tasks(architecture, n_steps, rng, presence="sparse", n_streams=3):
    """Inputs (n_steps, n_streams, n_inputs) and targets, each stream with its own missing ones."""
    tasks = [random_task(architecture, n_steps, rng, presence) for _ in range(n_streams)]
    return tuple(np.stack(parts, axis=1) for parts in zip(*tasks, strict=True))


def run_by_hand(streams, X, targets, update):
    """What `run` does, one step at a time."""
    outputs = []
    for t, (x, target) in enumerate(zip(X, targets, strict=True), start=1):
        outputs.append(streams.step(x))
        if not np.isnan(target).all():
            streams.learn(target, update=update == "step")
        if update not in ("step", "sequence") and t % update == 0:
            streams.update()
    if update == "sequence":
        streams.update()
    return np.array(outputs)


def assert_same_streams(actual, wanted):
    assert_same_bits(dict(actual.net.parameters), dict(wanted.net.parameters))
    assert_same_bits(actual.state, wanted.state)


def assert_same_future(actual, wanted, architecture):
    """What they hold unseen is equal too: both go through every regime and resets."""
    assert_same_streams(actual, wanted)
    X, targets = random_tasks(
        architecture, 9, np.random.default_rng(99), n_streams=actual.n_streams
    )
    for update in (4, "step", 4, "sequence"):
        assert_same_bits(*(s.run(X, targets, update=update) for s in (actual, wanted)))
        assert_same_streams(actual, wanted)
        for s in (actual, wanted):
            s.reset(0)


def assert_changes_add_up(streams, X, targets):
    """One update by a run changes the weights by what single networks change of them, added up."""
    before = get_parameters(streams.net)
    singles = [streams.net.copy() for _ in range(streams.n_streams)]
    outputs = streams.run(X, targets, update="sequence")
    total = {name: np.zeros_like(values) for name, values in before.items()}
    for b, net in enumerate(singles):
        wanted = net.run(X[:, b], targets[:, b], update="sequence")
        np.testing.assert_allclose(outputs[:, b], wanted, rtol=1e-11)
        for name, values in before.items():
            total[name] += values - net.parameters[name]
    change = {name: values - streams.net.parameters[name] for name, values in before.items()}
    assert_close(change, total, 1e-10, floor=1e-2)
