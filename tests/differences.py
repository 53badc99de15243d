"""Central differences of whole sequences: an input is moved, the net runs again, afresh."""

import numpy as np

DISTANCE = 1e-5


def differences(run, X, t):
    """d run(X)/dx(t) at every step of the sequence, (n_steps, n_values, n_inputs)."""
    columns = []
    for k in range(X.shape[1]):
        moved = np.zeros_like(X)
        moved[t, k] = DISTANCE
        columns.append((run(X + moved) - run(X - moved)) / (2 * DISTANCE))
    return np.stack(columns, axis=-1)


def outputs_of(net):
    """A function from X to the outputs, each time from a fresh state."""
    own = net.copy()

    def run(X):
        own.reset()
        return own.run(X)

    return run


def states_of(net):
    """A function from X to the states after every step, one after another as `state` has them."""
    own = net.copy()

    def run(X):
        own.reset()
        states = []
        for x in X:
            own.step(x)
            states.append(np.concatenate(list(own.state.values())))
        return np.array(states)

    return run
