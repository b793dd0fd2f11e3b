"""One update of the network, in numbers: from the replay buffer to the changed Q-value.

    .venv/bin/python examples/one_update.py

The policy that comes with the clone plays a little and is updated four times; the next update is
shown.
"""

from starter import preflight

preflight.check()

import numpy as np

import main
from starter import PROJECT, trained
from starter.learning.pilots import Greedy
from starter.storage import settings

# The demo's network is the target network; that of `algorithm` is the one that learns.
pilot, environment, found, trained_with = trained.load(PROJECT / "docs" / "demo")
config = settings.apply_network(main.configure(0, environment), trained_with)
algorithm = config.build()
policy, buffer = algorithm.get_policy(), algorithm.local_replay_buffer
network, target_network = Greedy(policy), Greedy(pilot.policy)  # no mirror images, as in an update
policy.set_weights(found.weights)
# The timestep decides epsilon and the learning rate.
algorithm.workers.local_worker().set_global_vars({"timestep": 50_000})
for _ in range(16):
    buffer.add(algorithm.next_fragment(found.weights))
for _ in range(4):
    policy.learn_on_batch(buffer.sample(1)["default_policy"])
network.use(policy.get_weights())

# The target, as build_algorithm in main.py has it: double DQN with n-step returns.
batch = buffer.sample(1)["default_policy"]
rows, actions, not_ended = np.arange(batch.count), batch["actions"], 1 - batch["dones"]
best = network.q_values(batch["new_obs"]).argmax(axis=1)  # the network chooses,
value = not_ended * target_network.q_values(batch["new_obs"])[rows, best]  # the target one rates
rest = config.gamma**config.n_step * value
targets = batch["rewards"] + rest
before = network.q_values(batch["obs"])[rows, actions]
errors = targets - before
td_error = policy.learn_on_batch(batch)["td_error"]  # RLlib's has the other sign
network.use(policy.get_weights())
after = network.q_values(batch["obs"])[rows, actions]

# Show the row that came closest to its target, of those high above the moon.
high = batch["obs"][:, 1] > 0.5
row = ((abs(errors) - abs(targets - after)) * high * (not_ended == 1)).argmax()
scale = config.replay_buffer_config["reward_scale"]
rewards, rest, target, error, before, after = (
    values[row] / scale for values in (batch["rewards"], rest, targets, errors, before, after)
)
discount = f"{config.gamma}**{config.n_step}"
now, later = (" ".join(f"{x:6.2f}" for x in batch[name][row]) for name in ("obs", "new_obs"))
print("observation      ", now)
print("action           ", actions[row], environment.actions[actions[row]])
print(f"{config.n_step} timesteps later", later)
print(f"rewards           {rewards:8.2f}   their discounted sum")
print(f"then expected   + {rest:8.2f}   {discount} of the target network's value there")
print(f"target          = {target:8.2f}")
print(f"Q before          {before:8.2f}   so the error is {error:+.2f}")
print(f"Q after           {after:8.2f}   the whole batch of 128 moved it by {after - before:+.2f}")
