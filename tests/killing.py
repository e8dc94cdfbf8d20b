"""`vera edit --layers` killed at any time: run with a folder, this kills it 20 times and tells what is left.

One process imports everything and forks the runs, so that a kill meets the work and not the imports.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

KILLS = 20
ARGV = ["edit", "s.mkv", "add a red balloon", "--model", "model", "--out", "r.mkv", "--layers", "L", "--steps", "2"]


def start(argv: list[str]) -> int:
    """Fork a process that runs the command, and return its id."""
    child = os.fork()
    if child == 0:
        from vera.cli import main

        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os._exit(main(argv))
    return child


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill(folder: Path) -> None:
    """A line of JSON for each kill: when, whether layers were left, and the same ones, and whether the run went on."""
    import vera.cli.edit  # noqa: F401
    import vera.pipelines  # noqa: F401

    os.chdir(folder)
    before = contents(folder)

    def clean() -> None:
        for name in contents(folder).keys() - before.keys():
            (folder / name).unlink()
        if (folder / "L").exists():
            (folder / "L").rmdir()

    seconds = []
    for _ in range(2):  # the first one warms the disk's cache
        begin = time.monotonic()
        assert os.waitstatus_to_exitcode(os.waitpid(start(ARGV), 0)[1]) == 0
        seconds.append(time.monotonic() - begin)
        whole = contents(folder)
        clean()
    # Over the whole run, and closer where files take their names.
    half = KILLS // 2
    times = [(step + 0.5) / half for step in range(half)] + [0.7 + 0.3 * (step + 0.5) / half for step in range(half)]
    for share in times:
        while not killed_at(share * seconds[-1]):  # this run was faster, and had ended
            clean()
            share *= 0.95
        layers = {name: data for name, data in contents(folder).items() if name.startswith("L" + os.sep)}
        same = all(whole[name] == data for name, data in layers.items())
        code = os.waitstatus_to_exitcode(os.waitpid(start(ARGV), 0)[1])
        print(json.dumps([share, len(layers), same, code, contents(folder) == whole]), flush=True)
        clean()


def killed_at(seconds: float) -> bool:
    """Start the command, kill it after so long, and tell whether it was still running."""
    child = start(ARGV)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    kill(Path(sys.argv[1]))
