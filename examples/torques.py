"""A wrapper makes an environment fit: Pendulum, with five torques to choose from.

    make train ENV=examples/torques.py:Torques-v0

DQN compares a few actions, but Pendulum takes any torque from -2 to 2. Observations are changed in
the same way, with gymnasium.ObservationWrapper and its method `observation`.
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
