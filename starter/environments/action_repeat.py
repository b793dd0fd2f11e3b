"""Repeat each action, so that a timestep lasts longer."""

import gymnasium


class ActionRepeat(gymnasium.Wrapper):
    """An environment in which one timestep is several of another environment's.

    The reward is the sum of theirs; observation, ends and info are those of the last one. After
    Mnih and others, "Human-level control through deep reinforcement learning", Nature 518 (2015).

    Args:
        env: the other environment.
        times: how many of its timesteps an action lasts; fewer if the episode ends.
    """

    def __init__(self, env: gymnasium.Env, times: int):
        super().__init__(env)
        self._times = times

    def step(self, action):
        total = 0
        for _ in range(self._times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += reward
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info
