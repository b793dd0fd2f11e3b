"""One update of the network, in numbers: from the replay buffer to the changed Q-value.

    .venv/bin/python -m examples.one_update

The policy is the one that comes with the clone. It plays a little, and learns from one batch.
"""

from starter import preflight

preflight.check()

import main
from starter import PROJECT
from starter.storage import checkpoint

TIMESTEP = 50_000  # of the training: it decides epsilon and the learning rate

algorithm = main.build_algorithm(seed=0)
policy, buffer = algorithm.get_policy(), algorithm.local_replay_buffer
policy.set_weights(checkpoint.newest(PROJECT / "docs" / "demo").weights)
worker = algorithm.workers.local_worker()
worker.set_global_vars({"timestep": TIMESTEP})
for _ in range(16):
    buffer.add(worker.sample())
batch = buffer.sample(1)["default_policy"]


def q_values():
    """What the network estimates for each row of the batch and each action, as returns."""
    _, _, extra = policy.compute_actions(batch["obs"], explore=False)
    return extra["q_values"] / main.REWARD_SCALE


before = q_values()
errors = policy.learn_on_batch(batch)["td_error"] / main.REWARD_SCALE  # of before the update
after = q_values()
rows, actions = range(len(errors)), batch["actions"]
before, after = before[rows, actions], after[rows, actions]
targets = before - errors
improvement = abs(before - targets) - abs(after - targets)
row = (improvement * (batch["dones"] < 1)).argmax()  # the best of those that do not end a flight
rewards = round(batch["rewards"][row] / main.REWARD_SCALE, 2)
rest = round(targets[row] - rewards, 2)
before, after, target = round(before[row], 2), round(after[row], 2), rewards + rest

print("observation      ", " ".join(f"{value:6.2f}" for value in batch["obs"][row]))
print("action           ", actions[row], main.LANDER.actions[actions[row]])
print("3 timesteps later", " ".join(f"{value:6.2f}" for value in batch["new_obs"][row]))
print(f"rewards           {rewards:8.2f}   their discounted sum")
print(f"rest            + {rest:8.2f}   0.99**3 of the target network's value there")
print(f"target          = {target:8.2f}")
print(f"Q before          {before:8.2f}   so the error is {target - before:+.2f}")
print(f"Q after           {after:8.2f}   the whole batch of 128 moved it by {after - before:+.2f}")
