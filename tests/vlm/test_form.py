"""Answers of one form that many threads read for the first time, together."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading
import msgspec
from vera.vlm.outcome import read_reply

sys.setswitchinterval(1e-6)
body = {"choices": [{"message": {"content": '{"reason": "a", "score": 3}'}}]}

def read(form, together, found):
    together.wait()
    found.append(read_reply(200, body, form).answer)

for _ in range(200):
    class Opinion(msgspec.Struct, forbid_unknown_fields=True):
        reason: str
        score: int

    together, found = threading.Barrier(8), []
    threads = [threading.Thread(target=read, args=(Opinion, together, found)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Opinion("a", 3)] * 8
"""


@pytest.mark.faults
@pytest.mark.slow
def test_threads_that_read_a_form_for_the_first_time_do_not_crash() -> None:
    """msgspec.json.decode in place of the decoders ends this with SIGSEGV."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
