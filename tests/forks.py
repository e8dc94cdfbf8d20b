"""Processes of tests that start at once: a server that has imported what they need, without threads, forks them.

A fork of the test's own process would inherit the locks of its threads, and may wait for one of them for ever.
"""

from multiprocessing import get_context

SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["tests.training.drawn", "vera.layers.export", "vera.pipelines", "pytest"])
