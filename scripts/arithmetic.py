"""This machine's arithmetic: a small fixed calculation, and the SHA-256 of each part's results.

`make verify` compares them with those in tests/expected. Nothing here comes from main.py, so
no setting changes them. They differ if the CPU, the C library or a package rounds differently.
`.venv/bin/python -m scripts.arithmetic` prints them.
"""

import hashlib
import json
from typing import Dict, List

from starter import preflight

preflight.check()

import gymnasium
import numpy as np
import tensorflow.compat.v1 as tf
from gymnasium.envs.box2d.lunar_lander import heuristic

OBSERVATION, ACTIONS = 8, 4
# (inputs, outputs) of main.py's layers: the first, two of the advantages, two of the value.
LAYERS = ((OBSERVATION, 128), (128, 64), (64, ACTIONS), (128, 64), (64, 1))
PLAYED = range(1, 101)  # observations in a forward pass: evaluations start with 100 at most
BATCH = 128  # transitions in an update
UPDATES = 5
EPISODES = 6


def digests() -> Dict[str, str]:
    """Return the SHA-256 of each part's results, as `{part: digest}`."""
    return {
        "numpy": digest(*numpy_results()),
        "physics": digest(*physics()),
        "first weights": digest(*first_weights()),
        "forward pass": digest(*forward_passes()),
        "update": digest(*updates()),
    }


def differing(expected: Dict[str, str], found: Dict[str, str]) -> List[str]:
    """Return the parts whose digests differ."""
    return [part for part in found if found[part] != expected.get(part)]


def digest(*arrays) -> str:
    """Return the SHA-256 of the types, shapes and values of `arrays`."""
    hashed = hashlib.sha256()
    for values in map(np.asarray, arrays):
        hashed.update(f"{values.dtype} {values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.hexdigest()


def numbers(name: str, *shape: int) -> np.ndarray:
    """Return fixed numbers between -1 and 1 of type float32, the same on every machine.

    Each is 24 bits of the SHAKE-256 of `name`, divided by 2^23, so nothing is rounded.
    """
    drawn = hashlib.shake_256(name.encode()).digest(4 * int(np.prod(shape)))
    integers = (np.frombuffer(drawn, "<i4") >> 8).reshape(shape)
    return (integers / 2**23).astype(np.float32)


def numpy_results():
    """Yield numpy's random numbers, and what the project calculates with numpy."""
    random = np.random.default_rng([1, 0])
    yield np.random.SeedSequence(0).generate_state(1)
    yield random.random(1000)
    yield random.integers(100_000, size=1000)
    for values in (numbers("numpy", 1000), numbers("numpy", 1000).astype(float)):
        yield [values.mean(), values.std(), values.sum(), np.square(values / 2 - 0.5).mean()]
        yield values + np.float32(0.99**2) * values[::-1]
        yield np.interp(values, [-1, 0.1, 1], [1, 0.15, 0.01])


def physics():
    """Yield the observations and rewards of flights with fixed actions and by a heuristic."""
    actions = np.frombuffer(hashlib.shake_256(b"actions").digest(1000), np.uint8) % ACTIONS
    env = gymnasium.make("LunarLander-v2").unwrapped  # no time limit but that of `actions`
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=episode)
        yield observation
        for action in actions:
            if episode % 2:  # gymnasium's own, which lands
                action = heuristic(env, observation)
            observation, reward, terminated, _, _ = env.step(int(action))
            yield observation
            yield reward
            if terminated:
                break
    env.close()


def first_weights():
    """Yield random weights: RLlib draws those of the first layer, Keras those of the others."""
    drawn = np.random.RandomState(1).randn(*LAYERS[0]).astype(np.float32)
    yield drawn / np.sqrt(np.square(drawn).sum(axis=0, keepdims=True))
    with tf.Graph().as_default(), session() as running:
        tf.set_random_seed(1)
        yield from running.run([tf.keras.initializers.glorot_uniform()(s) for s in LAYERS])


def forward_passes():
    """Yield the Q-values of one observation, of two, and so on."""
    observations = numbers("played", max(PLAYED), OBSERVATION)
    with tf.Graph().as_default(), session() as running:
        passed = tf.placeholder(tf.float32, (None, OBSERVATION))
        values = q_values(passed, variables("weights"))
        running.run(tf.global_variables_initializer())
        for rows in PLAYED:
            yield running.run(values, {passed: observations[:rows]})


def updates():
    """Yield the TD errors, the gradients and the new weights of each update.

    It is RLlib's: double DQN, the Huber loss, Adam.
    """
    with tf.Graph().as_default(), session() as running:
        batch = [tf.placeholder(fed.dtype, (None, *fed.shape[1:])) for fed in fixed_batch(0)]
        observations, next_observations, actions, rewards, discounts = batch
        weights, target = variables("weights"), variables("target")
        best = tf.argmax(q_values(next_observations, weights), 1)
        value = selected(q_values(next_observations, target), best)
        taken = selected(q_values(observations, weights), actions)
        errors = taken - tf.stop_gradient(rewards + discounts * value)
        size = tf.abs(errors)
        huber = tf.where(size < 1.0, tf.square(errors) * 0.5, size - 0.5)
        adam = tf.train.AdamOptimizer(0.001, epsilon=1e-8)
        gradients = adam.compute_gradients(tf.reduce_mean(huber), sum(weights, ()))
        fetched = [errors, *(gradient for gradient, _ in gradients)]
        fetched.append(adam.apply_gradients(gradients))
        running.run(tf.global_variables_initializer())
        for number in range(UPDATES):
            yield from running.run(fetched, dict(zip(batch, fixed_batch(number))))[:-1]
            yield from running.run(sum(weights, ()))


def fixed_batch(number):
    """Return observations, next observations, actions, rewards and discounts for an update."""
    rows = np.arange(BATCH)
    return [
        numbers(f"observations {number}", BATCH, OBSERVATION),
        numbers(f"next {number}", BATCH, OBSERVATION),
        rows % ACTIONS,
        numbers(f"rewards {number}", BATCH),
        np.where(rows % 7, np.float32(0.96875), np.float32(0)),
    ]


def q_values(observations, weights):
    """Return the Q-values, shape (rows, 4), from dueling heads."""
    seen = tf.nn.relu(layer(observations, weights[0]))
    advantages = layer(tf.nn.relu(layer(seen, weights[1])), weights[2])
    value = layer(tf.nn.relu(layer(seen, weights[3])), weights[4])
    return value + advantages - tf.expand_dims(tf.reduce_sum(advantages, 1) / ACTIONS, 1)


def layer(inputs, weights):
    return tf.nn.bias_add(tf.matmul(inputs, weights[0]), weights[1])


def selected(values, actions):
    return tf.reduce_sum(values * tf.one_hot(actions, ACTIONS), 1)


def variables(name):
    """Return a kernel and a bias for each layer, with fixed values."""
    return [
        tuple(
            tf.Variable(numbers(f"{name} {number} {shape}", *shape) / 8, use_resource=True)
            for shape in (layer, layer[1:])
        )
        for number, layer in enumerate(LAYERS)
    ]


def session():
    """Return a session of one thread, as main.py has it."""
    return tf.Session(
        config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    )


if __name__ == "__main__":
    print(json.dumps(digests(), indent=0))
