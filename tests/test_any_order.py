"""Any order of calls: hundreds of random ones, checked against the oracle after each.

What is remembered between calls (traces, steps still in a record, collected gradients, velocity,
scratch memory) must not depend on which calls came before. The oracle remembers only c, its
tangents, the collected gradient and the velocity.
"""

import pickle

import numpy as np
import pytest
from nets import NETS, assert_close, build, random_task
from oracle import Architecture, Learner

import pylstm

LAST_LINES = {  # the rows of the gates end anywhere in a cache line
    f"{n_blocks} blocks of {block_size}": Architecture(
        n_inputs=1, n_outputs=2, n_blocks=n_blocks, block_size=block_size, cell_recurrence=False
    )
    for n_blocks in (5, 6, 7, 9, 11, 13)
    for block_size in (1, 2)
}
ALL_NETS = NETS | LAST_LINES


class Pair:
    """A net and its oracle, going through the same calls."""

    def __init__(self, architecture, rng):
        self.architecture, self.rng = architecture, rng
        self.net = build(architecture, momentum=0.6, learning_rate=0.02)
        self.learner = Learner(architecture, self.net.parameters, 0.02, 0.6)
        self.stepped = False  # is there a step to learn from?
        self.counted = 0  # steps since the last update, whichever call they were in

    def task(self, n_steps):
        return random_task(self.architecture, n_steps, self.rng, "sparse")

    def step(self):
        x = self.task(1)[0][0]
        np.testing.assert_allclose(self.net.step(x), self.step_learner(x), rtol=1e-8)

    def step_learner(self, x):
        self.stepped = True
        self.counted += 1
        return self.learner.step(x)

    def learn(self):
        self.teach(self.task(1)[1][0], update=False)

    def learn_and_update(self):
        self.teach(self.task(1)[1][0], update=True)

    def teach(self, target, update):
        if not self.stepped:
            self.step()
        loss = self.net.learn(target, update=update)
        assert loss == pytest.approx(self.learner.learn(target), rel=1e-8)
        if update:
            self.update_learner()

    def learn_from(self):
        if not self.stepped:
            self.step()
        dy = self.rng.uniform(-1, 1, self.architecture.n_outputs)
        self.net.learn_from(dy, update=False)
        self.learner.learn_from(dy)

    def update(self):
        self.net.update()
        self.update_learner()

    def update_learner(self):
        self.stepped = self.stepped and not self.learner.has_collected
        self.counted = 0
        self.learner.update()

    def reset(self):
        self.net.reset()
        self.learner.reset()
        self.stepped = False

    def run_in_steps(self):
        self.run("step")

    def run_in_chunks(self):
        self.run(3)

    def run_a_sequence(self):
        self.run("sequence")

    def run(self, update):
        inputs, targets = self.task(self.rng.integers(1, 9))
        self.net.run(inputs, targets, update=update)
        for x, target in zip(inputs, targets, strict=True):
            self.step_learner(x)
            has_target = not np.isnan(target).any()
            if has_target:
                self.learner.learn(target)
            if has_target if update == "step" else update == 3 and self.counted >= 3:
                self.update_learner()
        if update == "sequence":
            self.update_learner()

    def run_without_targets(self):
        inputs, _ = self.task(4)
        self.net.run(inputs)
        for x in inputs:
            self.step_learner(x)

    def look_around(self):
        """Calls that change nothing."""
        inputs, targets = self.task(3)
        self.net.predict(inputs[0])
        self.net.gradient(inputs, targets)
        self.net.run(inputs[:0])

    def replace_by_copy(self):
        self.net = self.net.copy()

    def replace_by_pickle(self):
        self.net = pickle.loads(pickle.dumps(self.net))

    def replace_optimizer(self):
        rate = self.rng.uniform(0.01, 0.03)
        self.net.optimizer = pylstm.SGD(rate, momentum=0.5)
        self.learner.learning_rate, self.learner.momentum = rate, 0.5

    def write_parameters(self):
        """Between two steps; a step already made is not learned from with other weights."""
        for values in self.net.parameters.values():
            values *= 0.99
        self.learner.w *= 0.99
        self.step()


HELPERS = {"task", "teach", "run", "step_learner", "update_learner"}
CALLS = [name for name in vars(Pair) if not name.startswith("_") and name not in HELPERS]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ALL_NETS)
def test_any_order_of_calls(name, seed, pytestconfig):
    rng = np.random.default_rng(seed)
    pair = Pair(ALL_NETS[name], rng)
    history = []
    for _ in range(150 if pytestconfig.getoption("full") else 80):
        history.append(CALLS[rng.integers(len(CALLS))])
        getattr(pair, history[-1])()
        assert_close(pair.net.parameters, pair.learner.parameters, 1e-8)
        for key, values in pair.net.state.items():
            wanted = np.real([np.ravel(value)[0] for value in pair.learner.state[key]])
            np.testing.assert_allclose(values, wanted, rtol=1e-8, atol=1e-8, err_msg=str(history))
