"""An environment written from scratch: an autoscaler. How many replicas does the load need?

    make ARGS="--env examples.autoscaler:Autoscaler-v0"

A day in 288 timesteps of five minutes. Traffic rises and falls with the hour, and now and then
jumps for an hour. Each replica answers 10 requests a second; a new one takes three timesteps to
start. What is not answered waits in a queue; at 300 the service is down and the day is over.
"""

import gymnasium
import numpy as np

DAY = 288  # timesteps of five minutes
PER_REPLICA = 10.0  # requests a second
START_TIME = 3  # timesteps
MOST = 20  # replicas
DOWN = 300.0  # requests in the queue
HEIGHT = 400  # pixels of the picture, one for each request


class Autoscaler(gymnasium.Env):
    """Keep the queue short with few replicas.

    Of simple rules, a fifth more capacity than load has a mean return of 154, half as much again
    one of 139, and random actions one of -68.

    Observation, shape (6,), each about 1 at most, which suits a network: load / 100, its change
    / 100, running replicas / 20, starting replicas / 20, queue / 300, and the share of the day
    that has passed. Actions: 0 stop a replica, 1 keep them, 2 start one. Reward of a timestep:
    1, less a twentieth for each replica, less the queue / 100; and -100 if the service goes down.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    observation_space = gymnasium.spaces.Box(-5, 5, (6,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, render_mode=None, bursts=True):
        self.render_mode = render_mode
        self.bursts = bursts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)  # makes self.np_random, where all chance must come from
        self.time = 0
        self.running = 3
        self.starting = []  # timesteps until each is there
        self.queue = 0.0
        self.burst = 0  # timesteps that it still lasts
        self.history = []
        self.load = self.before = self._traffic()
        return self._observe(), {}

    def step(self, action):
        if action == 0 and self.running > 1:
            self.running -= 1
        if action == 2 and self.running + len(self.starting) < MOST:
            self.starting.append(START_TIME)
        self.starting = [left - 1 for left in self.starting]
        self.running += self.starting.count(0)
        self.starting = [left for left in self.starting if left]
        self.time += 1
        self.before, self.load = self.load, self._traffic()
        self.queue = max(self.queue + self.load - PER_REPLICA * self.running, 0.0)
        down = self.queue >= DOWN
        replicas = self.running + len(self.starting)
        reward = -100.0 if down else 1 - replicas / MOST - self.queue / 100
        self.history.append((self.load, self.running * PER_REPLICA, self.queue))
        # The day's end is a time limit: register() below sets it, and gymnasium keeps it.
        return self._observe(), reward, down, False, {}

    def render(self):
        """The day so far: load in orange over the capacity in grey, the queue in red."""
        picture = np.full((HEIGHT, 2 * DAY, 3), 255, np.uint8)
        for t, (load, capacity, queue) in enumerate(self.history):
            top = [HEIGHT - 3 - min(int(value), 300) for value in (load, capacity, queue)]
            column = picture[:, 2 * t : 2 * t + 2]
            column[top[1] :] = (215, 220, 228)
            column[top[2] :] = (225, 80, 70)
            column[top[0] : top[0] + 3] = (240, 150, 30)
        return picture

    def _traffic(self):
        if self.bursts and self.burst == 0 and self.np_random.random() < 0.01:
            self.burst = 12
        self.burst = max(self.burst - 1, 0)
        hour = 2 * np.pi * self.time / DAY
        load = 60 - 40 * np.cos(hour) + 40 * (self.burst > 0) + 4 * self.np_random.normal()
        return max(load, 0.0)

    def _observe(self):
        change = self.load - self.before
        return np.array(
            [
                *(self.load / 100, change / 100, self.running / MOST),
                *(len(self.starting) / MOST, self.queue / DOWN, self.time / DAY),
            ],
            np.float32,
        )


gymnasium.register("Autoscaler-v0", Autoscaler, max_episode_steps=DAY, reward_threshold=140)
