"""Q-learning with a table: what main.py does with a network, in a world of six cells.

    .venv/bin/python examples/q_table.py

An episode starts in cell 0 of a corridor. Cell 5 ends it with a reward of 1, the only one.
"""

import numpy as np

GOAL = 5
ACTIONS = ("left", "right")
ALPHA = 0.5  # the learning rate: how far a value moves towards its target
GAMMA = 0.9  # the discount: what a reward is worth one timestep earlier
EPSILON = 0.5  # the share of random actions


def step(observation, action):
    """Walk one cell, or stay at the wall; return the next observation, reward, terminated."""
    observation = max(observation - 1, 0) if ACTIONS[action] == "left" else observation + 1
    terminated = observation == GOAL
    return observation, float(terminated), terminated


def learn(Q, random):
    """Play an episode, learn from each timestep, and return the number of timesteps."""
    observation, timesteps, terminated = 0, 0, False
    while not terminated:
        greedy = random.random() >= EPSILON
        action = Q[observation].argmax() if greedy else random.integers(len(ACTIONS))
        next_observation, reward, terminated = step(observation, action)
        # The goal's own row is never learned and stays 0: nothing follows the end.
        target = reward + GAMMA * Q[next_observation].max()
        Q[observation, action] += ALPHA * (target - Q[observation, action])
        observation, timesteps = next_observation, timesteps + 1
    return timesteps


if __name__ == "__main__":
    Q = np.zeros((GOAL + 1, len(ACTIONS)))  # one row per cell, one column per action
    random = np.random.default_rng(seed=0)
    for episode in range(1, 201):
        timesteps = learn(Q, random)
        if episode in (1, 2, 3, 200):
            print(f"after episode {episode}, of {timesteps} timesteps:")
            print("  cell ", *(f"{cell:6}" for cell in range(GOAL + 1)))
            for action, values in zip(ACTIONS, Q.T):
                print(f"  {action:5}", *(f"{value:6.3f}" for value in values))
    print("greedy policy:", *(ACTIONS[action] for action in Q[:GOAL].argmax(axis=1)))
