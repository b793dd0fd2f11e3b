"""What main.py leans on that is not the lesson: one job a module."""


class Problem(Exception):
    """What the user can mend; its message is the one line they are shown."""
