"""Run another Python file, in a process that ends when its parent does, however that ends.

    python fate_sharing.py FILE ARGUMENTS

Ray starts its agent so. Where its server is killed, the agent would look for it for minutes.
"""

import runpy
import sys

if __name__ == "__main__":
    from ray._private import utils

    if utils.detect_fate_sharing_support_linux():
        utils.set_kill_on_parent_death_linux()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
