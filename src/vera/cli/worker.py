"""`vera studio worker`: a worker of a studio that runs elsewhere."""

from pathlib import Path

from vera.cli.terminal import say


def worker(*, server: str, token_file: Path, workspace: Path, name: str | None = None) -> None:
    """Do the jobs of a studio on this machine, one after the other, until interrupted.

    The studio's workspace is a folder that both machines share. A job that is interrupted goes back to the queue.

    Parameters
    ----------
    server
        URL of the studio, such as http://studio.example.com:8000.
    token_file
        File with the studio's token on one line, that nobody else can read.
    workspace
        The studio's workspace, as this machine has it.
    name
        What the studio calls this worker; nobody else's. Default: this machine's name and a number.
    """
    from vera.jobs.worker import run_worker
    from vera.service.tokens import read_token

    token = read_token(token_file)
    say(f"worker   of {server}, in {workspace}; Ctrl-C ends it")
    run_worker(server, token, workspace, name=name)
