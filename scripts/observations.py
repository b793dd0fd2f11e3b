"""Draw what the lander observes and can do, docs/observations.png: `make observations`.

The frame is the game's own, in mid-flight; the numbers in it are that timestep's observation.
The formulas are those of gymnasium 0.28.1, envs/box2d/lunar_lander.py.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

from starter import preflight

preflight.check()

import gymnasium
import numpy as np
import typer
from gymnasium.envs.box2d import lunar_lander
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from starter import console
from starter.storage.folder import replacing

SEED, TIMESTEPS = 17, 69  # falling, and tilted to fly to the pad; the main engine is on
SIZE = (1000, 660)  # pixels of the picture
HALF = 55  # pixels of the game from the lander to the edge of the close-up

BACKGROUND, TEXT = "#181a20", "#dee0e6"
POSITION, VELOCITY, ANGLE, SPIN = "#ffb000", "#4fc3f7", "#7ee081", "#d7f05a"
LEGS, ENGINES = "#ff9ecb", "#ff7043"
# Name, what it means, color: in the observation's order. Action 1 is called the left engine
# because it pushes the lander to the left, and the first leg is the one on the right.
OBSERVATION = (
    ("x", "to the right of the pad; 1 is the picture's edge", POSITION),
    ("y", "above the pad; 1.41 is the picture's top", POSITION),
    ("velocity in x", "to the right; at 1 it takes 4 s from edge to edge", VELOCITY),
    ("velocity in y", "upwards; at 1 it takes 1.8 s from bottom to top", VELOCITY),
    ("angle", "in radians, counter-clockwise from upright", ANGLE),
    ("angular velocity", "the same way; 1 is 2.5 radians a second", SPIN),
    ("right leg", "1 while it touches the ground", LEGS),
    ("left leg", "the same", LEGS),
)
ACTIONS = (
    ("0", "nothing: it falls"),
    ("1", '"left engine": pushes it to the left\nand turns it counter-clockwise'),
    ("2", "main engine: pushes it to where its\nroof points; stronger than gravity"),
    ("3", '"right engine": pushes it to the right\nand turns it clockwise'),
)


def fly(seed, timesteps):
    """Gymnasium's own hand-written pilot flies; gives the last frame and observation."""
    env = gymnasium.make("LunarLander-v2", render_mode="rgb_array")
    observation, _ = env.reset(seed=seed)
    for _ in range(timesteps):
        action = lunar_lander.heuristic(env.unwrapped, observation)
        observation = env.step(action)[0]
        frame = env.render()  # each one: the flames fade from frame to frame
    env.close()
    return frame, observation


def pixel(observation):
    """Where in the frame of 600 x 400 pixels the lander is, from its left and its top.

    Args:
        observation: an array of shape (8,). Its x is 1 at the frame's right edge; its y is in
            halves of the frame's height, above where its legs stand on the pad.
    """
    width, height = lunar_lander.VIEWPORT_W, lunar_lander.VIEWPORT_H
    pad = height / 4 + lunar_lander.LEG_DOWN
    return width / 2 * (1 + observation[0]), height - pad - height / 2 * observation[1]


def draw(path, frame, observation):
    """Write the picture, a PNG of `SIZE`, whole or not at all.

    Raises:
        Problem: if it could not be written.
    """
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=BACKGROUND)
    height, width = frame.shape[:2]
    draw_flight(panel(figure, 0, 0, width, height), frame, observation)
    left = width + 4
    draw_lander(panel(figure, left, 0, SIZE[0] - left, height), frame, observation)
    write(panel(figure, 0, height, SIZE[0], SIZE[1] - height), observation)
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")


def panel(figure, left, top, width, height):
    """Axes for this part of the picture, in pixels from its left and its top, as their data."""
    box = np.array([left, SIZE[1] - top - height, width, height]) / (*SIZE, *SIZE)
    axes = figure.add_axes(box)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes


def draw_flight(axes, frame, observation):
    """The whole frame: the position from the pad, and the velocity."""
    x, y = pixel(observation)
    pad_x, pad_y = pixel(np.zeros(8))
    axes.imshow(frame, interpolation="nearest")
    axes.plot([pad_x, pad_x, x], [pad_y, y, y], "--", color=POSITION, lw=2)
    axes.plot([pad_x], [pad_y], "o", color=POSITION, ms=8)
    label(axes, (x + pad_x) / 2 + 8, y - 14, f"x = {observation[0]:.2f}", POSITION)
    label(axes, pad_x + 8, (y + pad_y) / 2, f"y = {observation[1]:.2f}", POSITION, ha="left")
    label(axes, pad_x + 10, pad_y - 6, "0, 0", POSITION, ha="left", size=10)
    label(axes, pad_x, pad_y + 44, "the pad, between the flags", "black")
    # Its way in half a second: 30 pixels are a unit of the game, 1 is 5 and 7.5 units a second.
    end = x + 75 * observation[2], y - 112.5 * observation[3]
    arrow(axes, (x, y), end, VELOCITY)
    label(axes, end[0], end[1] + 16, "velocity, for half a second", VELOCITY)
    vx, vy = observation[2:4]
    label(axes, end[0], end[1] + 34, f"{vx:.2f} in x, {vy:.2f} in y", VELOCITY)


def draw_lander(axes, frame, observation):
    """Close up: the angle, the legs, the engines."""
    x, y = pixel(observation)
    angle, spin = observation[4:6]
    axes.imshow(frame, interpolation="bicubic")
    axes.set(xlim=(x - HALF, x + HALF), ylim=(y + HALF, y - HALF))

    def at(right, up):
        """A point of the lander's body, in the frame; both are pixels of the game."""
        cos, sin = np.cos(angle), np.sin(angle)
        return x + right * cos - up * sin, y - right * sin - up * cos

    axes.plot([x, x], [y, y - 40], "--", color=TEXT, lw=1.5)
    axes.plot(*zip((x, y), at(0, 40)), color=ANGLE, lw=2.5)
    turn = 90 + np.degrees([0, angle])
    axes.add_patch(arc(x, y, 32, *sorted(turn), ANGLE))
    label(axes, x + 9, y - 44, f"angle {angle:.2f}", ANGLE, ha="left")
    turning = [(x + 44 * np.cos(a), y - 44 * np.sin(a)) for a in np.radians([102, 128])]
    if spin < 0:
        turning.reverse()
    bend = {"connectionstyle": f"arc3,rad={0.2 * np.sign(spin)}"}
    arrow(axes, *turning, SPIN, **bend)
    label(axes, x - 24.5, y - 50, f"angular velocity {spin:.2f}", SPIN)
    label(axes, x + 36, y + 32, f"right leg {observation[6]:.0f}", LEGS)
    label(axes, x - 36, y + 14, f"left leg {observation[7]:.0f}", LEGS)
    for number, corners, where in (
        ("1", [(15, 14), (27, 18), (27, 10)], (34, 14)),
        ("2", [(0, -10), (-5, -26), (5, -26)], (0, -33)),
        ("3", [(-15, 14), (-27, 18), (-27, 10)], (-34, 14)),
    ):
        axes.fill(*zip(*(at(*corner) for corner in corners)), color=ENGINES)
        badge(axes, *at(*where), number)


def arc(x, y, radius, begin, end, color):
    """Part of a circle, from one angle in degrees to another; both count upwards from right."""
    return Arc((x, y), 2 * radius, 2 * radius, theta1=-end, theta2=-begin, color=color, lw=2.5)


def arrow(axes, start, end, color, **how):
    style = {"arrowstyle": "-|>,head_length=0.7,head_width=0.35", "lw": 3, "color": color}
    axes.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0, **how})


def label(axes, x, y, text, color, **how):
    how = {"ha": "center", "va": "center", "size": 12, "weight": "bold", **how}
    axes.text(x, y, text, color=color, **how)


def badge(axes, x, y, number):
    box = {"boxstyle": "circle,pad=0.25", "facecolor": ENGINES, "edgecolor": "none"}
    label(axes, x, y, number, "black", bbox=box)


def write(axes, observation):
    """What the numbers and the actions mean."""
    label(axes, 20, 24, "50 times a second, it observes 8 numbers", TEXT, ha="left", size=14)
    for row, (name, meaning, color) in enumerate(OBSERVATION):
        y = 54 + 25 * row
        label(axes, 20, y, name, color, ha="left")
        value = f"{observation[row]:.{0 if color == LEGS else 2}f}"
        label(axes, 226, y, value, color, ha="right")
        label(axes, 240, y, meaning, TEXT, ha="left", weight="normal", size=11)
    label(axes, 660, 24, "and takes one of 4 actions", TEXT, ha="left", size=14)
    for row, (number, meaning) in enumerate(ACTIONS):
        y = 58 + 50 * row
        badge(axes, 670, y, number)
        label(axes, 690, y, meaning, TEXT, ha="left", weight="normal", size=11)


def observations(
    output: Path = typer.Option(PROJECT / "docs" / "observations.png", help="The picture."),
):
    """Draw the lander with its observations and actions."""
    frame, observation = fly(SEED, TIMESTEPS)
    draw(output, frame, observation)
    print(f"wrote {output}")


if __name__ == "__main__":
    console.run(observations)
