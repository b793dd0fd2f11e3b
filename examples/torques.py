"""A wrapper makes another environment fit: Pendulum, with a few torques in place of any.

    make train ENV=examples/torques.py:Torques-v0

DQN compares a few actions, and Pendulum takes any torque from -2 to 2. A wrapper of observations
is as short: gymnasium.ObservationWrapper, with `observation` in place of `action`.
"""

import gymnasium
import numpy as np

TORQUES = (-2.0, -0.5, 0.0, 0.5, 2.0)  # N m


class Torques(gymnasium.ActionWrapper):
    action_space = gymnasium.spaces.Discrete(len(TORQUES))
    action_names = [f"{torque:+g} N m" for torque in TORQUES]  # for the window

    def action(self, action):
        return np.array([TORQUES[action]], np.float32)


def make_torques(**arguments):
    return Torques(gymnasium.make("Pendulum-v1", **arguments))


gymnasium.register("Torques-v0", make_torques)
