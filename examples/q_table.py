"""Q-learning with a table: what main.py does with a network, in a world of six cells.

    .venv/bin/python examples/q_table.py

An episode begins in cell 0 of a corridor and ends in cell 5. To get there is worth 1, all else 0.
"""

import numpy as np

GOAL = 5
ACTIONS = ("left", "right")
ALPHA = 0.5  # the learning rate: how far a value moves towards what was just seen
GAMMA = 0.9  # what a reward is worth a timestep later
EPSILON = 0.5  # the share of random actions


def step(observation, action):
    """Walk one cell, or stay at the wall; gives the next observation, reward, terminated."""
    observation = max(observation - 1, 0) if ACTIONS[action] == "left" else observation + 1
    terminated = observation == GOAL
    return observation, float(terminated), terminated


def learn(Q, random):
    """Play an episode and learn from each timestep; gives how many there were."""
    observation, timesteps, terminated = 0, 0, False
    while not terminated:
        greedy = random.random() >= EPSILON
        action = Q[observation].argmax() if greedy else random.integers(len(ACTIONS))
        following, reward, terminated = step(observation, action)
        # Nothing follows the end: the goal's own row is never learned, and stays 0.
        target = reward + GAMMA * Q[following].max()
        Q[observation, action] += ALPHA * (target - Q[observation, action])
        observation, timesteps = following, timesteps + 1
    return timesteps


if __name__ == "__main__":
    Q = np.zeros((GOAL + 1, len(ACTIONS)))  # a row for each cell, a column for each action
    random = np.random.default_rng(seed=0)
    for episode in range(1, 201):
        timesteps = learn(Q, random)
        if episode in (1, 2, 200):
            print(f"after episode {episode}, of {timesteps} timesteps:\n  cell    left   right")
            for cell, (left, right) in enumerate(Q):
                print(f"{cell:6}  {left:6.3f}  {right:6.3f}")
    print("greedy policy:", *(ACTIONS[action] for action in Q[:GOAL].argmax(axis=1)))
