"""docs/troubleshooting.md: errors of the pinned packages are quoted as they appear."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import ray
from helpers import PROJECT, environment

from starter import preflight

PAGE = (PROJECT / "docs" / "troubleshooting.md").read_text("utf-8")


def test_the_window_of_gymnasiums_own_render_mode(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import gymnasium\ngymnasium.make('LunarLander-v2', render_mode='human').reset()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], env=environment(), capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last == "pygame.error: No available video device"
    assert f"`{last}`" in PAGE


def test_rllib_and_an_environment_of_gymnasiums():
    from ray.rllib.utils import check_env

    with pytest.raises(ValueError) as caught:
        check_env(gymnasium.Env())
    quoted = "Env must be of one of the following supported types: BaseEnv, gym.Env"
    assert quoted in str(caught.value)
    assert quoted in PAGE
    assert "`disable_env_checking=True`" in str(caught.value)


def test_what_the_page_says_of_the_pins():
    pinned = preflight.pins(PROJECT / "requirements.txt")
    assert "pydantic" not in pinned
    assert np.bool8 is np.bool_
    source = Path(ray.__file__).parent
    assert "np.bool8" in (source / "tune/logger/tensorboardx.py").read_text()
    assert "np.bool," in (source / "rllib/utils/pre_checks/env.py").read_text()
    assert "from pkg_resources import" in (source / "air/_internal/remote_storage.py").read_text()
    assert "pydantic.fields.ModelField" in (source / "util/serialization_addons.py").read_text()
