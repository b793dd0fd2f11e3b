"""Tell RLlib that an episode cut off by a time limit has not failed."""

import numpy as np
from ray.rllib.algorithms.callbacks import DefaultCallbacks
from ray.rllib.policy.sample_batch import SampleBatch


class BootstrapAtTimeLimit(DefaultCallbacks):
    """Store the last transitions of a cut-off episode as not done.

    RLlib 2.2.0 has one `done` for both kinds of end, and DQN takes it for "no
    reward can follow". With n-step returns the last n rows all point at the last
    observation, so all of them are corrected.
    """

    def on_postprocess_trajectory(self, *, episode, agent_id, postprocessed_batch, **_):
        if episode.last_info_for(agent_id).get("TimeLimit.truncated"):
            dones = postprocessed_batch[SampleBatch.DONES]
            postprocessed_batch[SampleBatch.DONES] = np.zeros_like(dones)
