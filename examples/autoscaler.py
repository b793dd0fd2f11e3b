"""An environment from scratch, an autoscaler: how many replicas does the load need?

    make train ENV=examples/autoscaler.py:Autoscaler-v0

An episode is a day of 288 timesteps, five minutes each. Traffic rises and falls with the hour, and
now and then jumps for an hour. Each replica answers 10 requests a second; a new one takes three
timesteps to start. Requests that are not answered wait in a queue. When it holds 300, the service
is down and the episode ends.
"""

import gymnasium
import numpy as np
from PIL import Image, ImageDraw

DAY = 288  # timesteps of five minutes
REPLICA_CAPACITY = 10.0  # requests a second
START_TIME = 3  # timesteps
MAX_REPLICAS = 20
QUEUE_LIMIT = 300.0  # requests; at this many the service is down
HEIGHT = 400  # pixels of the picture, one for each request
COLORS = {"load": (240, 150, 30), "capacity": (160, 170, 185), "queue": (225, 80, 70)}


class Autoscaler(gymnasium.Env):
    """Keep the queue short with few replicas.

    The observation has shape (6,), and its values are about 1 at most, which suits a network:
    load / 100, its change / 100, running replicas / 20, starting replicas / 20, queue / 300, and
    the share of the day that has passed. The actions are: 0 stop a replica, 1 keep them, 2 start
    one. The reward of a timestep is 1, minus 1/20 per replica, minus the queue / 100. If the
    service goes down, it is -100 instead.

    Keeping capacity 20 % above the load returns 154 on average, 50 % above it 139, and random
    actions -68.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    observation_space = gymnasium.spaces.Box(-5, 5, (6,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)
    action_names = ("stop a replica", "keep them", "start a replica")  # for the window

    def __init__(self, render_mode=None, bursts=True):
        self.render_mode = render_mode
        self.bursts = bursts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)  # makes self.np_random, the source of all chance
        self.time = 0
        self.running = 3
        self.starting = []  # timesteps until each of them runs
        self.queue = 0.0
        self.burst = 0  # timesteps until it is over
        self.history = []
        self.load = self.previous_load = self._traffic()
        return self._observe(), {}

    def step(self, action):
        if action == 0 and self.running > 1:
            self.running -= 1
        if action == 2 and self.running + len(self.starting) < MAX_REPLICAS:
            self.starting.append(START_TIME)
        self.starting = [left - 1 for left in self.starting]
        self.running += self.starting.count(0)
        self.starting = [left for left in self.starting if left]
        self.time += 1
        self.previous_load, self.load = self.load, self._traffic()
        self.queue = max(self.queue + self.load - REPLICA_CAPACITY * self.running, 0.0)
        down = self.queue >= QUEUE_LIMIT
        replicas = self.running + len(self.starting)
        reward = -100.0 if down else 1 - replicas / MAX_REPLICAS - self.queue / 100
        self.history.append((self.load, self.running * REPLICA_CAPACITY, self.queue))
        # The day's end is a time limit, which register() sets below.
        return self._observe(), reward, down, False, {}

    def render(self):
        """Draw the day so far: the load in orange over the capacity in grey, the queue in red."""
        picture = np.full((HEIGHT, 2 * DAY, 3), 255, np.uint8)
        for t, values in enumerate(self.history):
            load, capacity, queue = (HEIGHT - 3 - min(int(value), 300) for value in values)
            column = picture[:, 2 * t : 2 * t + 2]
            column[capacity:] = COLORS["capacity"]
            column[queue:] = COLORS["queue"]
            column[load : load + 3] = COLORS["load"]
        image = Image.fromarray(picture)
        for line, (name, color) in enumerate(COLORS.items()):
            ImageDraw.Draw(image).text((8, 8 + 16 * line), name, color)
        return np.asarray(image)

    def _traffic(self):
        if self.bursts and self.burst == 0 and self.np_random.random() < 0.01:
            self.burst = 12
        self.burst = max(self.burst - 1, 0)
        hour = 2 * np.pi * self.time / DAY
        load = 60 - 40 * np.cos(hour) + 40 * (self.burst > 0) + 4 * self.np_random.normal()
        return max(load, 0.0)

    def _observe(self):
        traffic = self.load / 100, (self.load - self.previous_load) / 100
        replicas = self.running / MAX_REPLICAS, len(self.starting) / MAX_REPLICAS
        rest = self.queue / QUEUE_LIMIT, self.time / DAY
        return np.array([*traffic, *replicas, *rest], np.float32)


gymnasium.register("Autoscaler-v0", Autoscaler, max_episode_steps=DAY, reward_threshold=140)
