from __future__ import annotations

import os
import signal

from labkit.cluster.embedded.cri import processes, signals


def test_our_own_usage_is_found() -> None:
    mine = processes.pid_namespace(os.getpid())
    usage = processes.usage({mine, "pid:[0]"})
    assert usage[mine].processes >= 1
    assert usage[mine].resident > usage[mine].private > 0
    assert usage["pid:[0]"] == processes.Usage()


def test_a_process_that_is_not_there_is_nothing() -> None:
    assert processes.pid_namespace(2**22 + 1) == ""
    assert processes.born(2**22 + 1) == 0
    assert processes.born(os.getpid()) > 0


def test_signals_by_the_names_of_images_and_the_cri() -> None:
    assert signals.number("SIGTERM") == signal.SIGTERM
    assert signals.number("SIGRTMINPLUS3") == signal.SIGRTMIN + 3
    assert signals.number("SIGRTMAXMINUS2") == signal.SIGRTMAX - 2
