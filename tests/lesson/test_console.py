"""Counting iterations: Ctrl-C ends after the current one, and an error ends the bar."""

import os
import signal
import sys
import threading
from contextlib import closing
from io import StringIO

import pytest
from helpers.processes import wait_for

from starter import console


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("presses", "counted"), [(0, [1, 2, 3, 4]), (1, [1, 2]), (2, [1])])
def test_ctrl_c_ends_after_the_iteration_and_a_second_one_quits(presses, counted):
    previous, ended = signal.getsignal(signal.SIGINT), []
    try:
        with closing(console.iterations(1, 4)) as iterations:
            for iteration in iterations:
                for _ in range(presses * (iteration == 2)):
                    press_ctrl_c()
                ended.append(iteration)
    except KeyboardInterrupt:
        assert presses == 2
    assert ended == counted
    assert signal.getsignal(signal.SIGINT) == previous


def test_an_error_in_an_iteration_ends_the_threads_of_the_bar(monkeypatch):
    terminal = type("Terminal", (StringIO,), {"isatty": lambda _: True})()
    monkeypatch.setattr(sys, "stdout", terminal)
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError) as error, closing(console.iterations(1, 3)) as counted:
        for iteration in counted:
            assert set(threading.enumerate()) != before
            iteration / 0
    wait_for(lambda: set(threading.enumerate()) == before, "the bar's threads", 5)
    del error  # until here it keeps the iterator alive, as it does when a program fails
