"""An agent that needs memory: the T-maze of Bakker (2002), learned online by SARSA(lambda).

A corridor with a junction at its end. At the start a sign says which way the goal lies; the agent
sees it once, walks to the junction and turns. One network, one output an action: its values. They
learn after every step by `learn_from` with a trace and `reinforce`; nothing is stored or replayed.

    python -m bench.t_maze --corridor 10 --seeds 5
"""

import argparse
import time

import numpy as np

import pylstm

AHEAD, NORTH, SOUTH = range(3)
START_NORTH, START_SOUTH, CORRIDOR, JUNCTION = np.eye(4)


def play(net, corridor, rng, explore, discount=0.98, trace=0.8, learn=True):
    """One episode; whether the goal was reached.

    Reward 4 at the goal, -0.1 for the wrong turn and for every step that does not move (Bakker
    2002). It ends at a turn in the junction, or after ten steps a cell of the corridor.
    """
    net.reset()
    north = rng.random() < 0.5
    place, x = 0, START_NORTH if north else START_SOUTH
    before = reward = 0.0
    for t in range(10 * (corridor + 1)):
        values = net.step(x)
        action = int(rng.integers(3)) if rng.random() < explore else int(values.argmax())
        if learn:
            if t > 0:
                net.reinforce(reward + discount * float(values[action]) - before)
            net.learn_from(np.eye(3)[action], trace=discount * trace)
        before = float(values[action])
        reward = -0.1
        if action == AHEAD and place < corridor:
            place, reward = place + 1, 0.0
        elif action != AHEAD and place == corridor:
            reached = (action == NORTH) == north
            if learn:
                net.reinforce((4.0 if reached else -0.1) - before)
            return reached
        x = JUNCTION if place == corridor else CORRIDOR
    return False


def train(corridor, seed, episodes):
    """A net after so many episodes, exploring less and less."""
    rng = np.random.default_rng(seed)
    net = pylstm.LSTM(
        n_inputs=4,
        n_outputs=3,
        n_blocks=8,
        bias_init={"forget_gate": 3.0},
        optimizer=pylstm.Adam(0.005),
        seed=seed,
    )
    for episode in range(episodes):
        play(net, corridor, rng, explore=max(0.02, 0.3 * (1 - 1.5 * episode / episodes)))
    return net


def success(net, corridor, seed, episodes=100):
    """The part of fresh episodes that reach the goal, without exploring or learning."""
    rng = np.random.default_rng([seed, 1])
    return float(
        np.mean([play(net, corridor, rng, explore=0.0, learn=False) for _ in range(episodes)])
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corridor", type=int, default=10, help="steps to the junction")
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        start = time.perf_counter()
        net = train(arguments.corridor, seed, arguments.episodes)
        seconds = time.perf_counter() - start
        reached = success(net, arguments.corridor, seed)
        print(f"seed {seed}: goal reached in {reached:.0%} of 100 episodes, {seconds:.1f} s")


if __name__ == "__main__":
    main()
