"""Jobs by submitit's local executor, which starts and signals the tasks of a job as SLURM does."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.training.drawn import flow_fields, open_drawn, write_recipe

from vera.cli import main
from vera.errors import VeraError
from vera.training import slurm
from vera.training.slurm import Job, submit

submitit = pytest.importorskip("submitit")
TWO_TASKS = Job(gpus_per_node=2, cpus_per_gpu=1, hours=0.1)


def start(folder: Path, model: Path, **overrides: Any) -> tuple[Path, Any]:
    """A tiny run of a recipe with `overrides` as a job of two tasks: the run's folder and the job."""
    recipe = write_recipe(folder, **flow_fields(model) | {"dtype": "fp32"})
    return folder / "run", submit(recipe, TWO_TASKS, overrides, cluster="local", open_data=open_drawn)


def steps(run: Path) -> list[int]:
    log = run / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [row["step"] for row in rows if "gradient_norm" in row]


def test_a_job_is_one_run_of_all_its_tasks(tmp_path: Path, tiny_model: Path) -> None:
    run, job = start(tmp_path, tiny_model, steps=2)
    job.results()
    assert steps(run) == [1, 2]
    logs = [path.read_text() for path in sorted((run / "slurm").glob("*.out"))]
    assert len(logs) == 2 and "2 processes" in logs[0] and "step 2/2" in logs[0]
    assert "step" not in logs[1]  # one process reports


def test_a_job_that_must_go_queues_again_and_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    """Notice comes between two checkpoints: the step is finished, saved, and not done twice."""
    run, job = start(tmp_path, tiny_model, steps=60, checkpoint_every=1000)
    deadline = time.monotonic() + 240
    while len(steps(run)) < 3:
        assert time.monotonic() < deadline and not job.done()
        time.sleep(0.02)
    tasks = subprocess.run(["pgrep", "-P", job.job_id], capture_output=True, text=True, check=True).stdout.split()
    assert len(tasks) == 2
    for task in tasks:
        os.kill(int(task), signal.SIGUSR2)
    job.results()
    assert steps(run) == list(range(1, 61))
    log = (run / "slurm" / f"{job.job_id}_0_log.out").read_text()
    starts = [int(part.split()[0]) for part in log.split("from step ")[1:]]
    assert starts[0] == 0 and 3 <= starts[1] < 60 and len(starts) == 2
    assert "Requeued job" in log


def test_a_recipe_that_is_wrong_is_not_queued(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="no such recipe"):
        submit(tmp_path / "none.yaml", TWO_TASKS, cluster="local")


def test_without_slurm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no srun in it
    assert main(["train", str(write_recipe(tmp_path)), "--slurm", "--nodes", "2"]) == 2
    assert "no srun" in capsys.readouterr().err


def test_what_slurm_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Submitit's job file, by stand-ins of SLURM's programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("srun", "#!/bin/sh\n"), ("sbatch", "#!/bin/sh\necho Submitted batch job 17\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    options = ["--nodes", "2", "--hours", "12", "--partition", "gpu", "--account", "vera"]
    assert main(["train", str(write_recipe(tmp_path)), "--seed", "3", "--slurm", *options, "--data.side=16"]) == 0
    assert capsys.readouterr().out.startswith("job 17")
    task = submitit.core.utils.DelayedSubmission.load(tmp_path / "run" / "slurm" / "17_submitted.pkl").function
    assert task.overrides == {"seed": "3", "data.side": "16"}
    text = (tmp_path / "run" / "slurm" / "17_submission.sh").read_text()
    for option in (
        "--nodes=2",
        "--ntasks-per-node=8",
        "--gpus-per-node=8",
        "--cpus-per-task=8",
        "--time=720",
        "--partition=gpu",
        "--account=vera",
        f"--signal=USR2@{slurm.NOTICE}",
        "--job-name=run",
    ):
        assert f"#SBATCH {option}\n" in text


@pytest.mark.faults
def test_nothing_of_a_recipe_becomes_a_line_of_the_script(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="output: has a control character"):
        submit(write_recipe(tmp_path, output="runs/a\ntouch PWNED\n#"), Job())
    (tmp_path / "a\ntouch PWNED").mkdir()
    (tmp_path / "link").symlink_to("a\ntouch PWNED")
    recipe = write_recipe(tmp_path, output=str(tmp_path / "link"))
    for job, name in ((Job(), "output"), (Job(partition="gpu\nx"), "partition"), (Job(account="a\rb"), "account")):
        with pytest.raises(VeraError, match=f"{name}: has a control character"):
            submit(recipe if name == "output" else write_recipe(tmp_path), job)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("folder", "name"), [("nano", "nano"), ("a b;$(x)`y`", "a-b---x--y-"), ("-J", "J"), ("日本", "vera"), ("..a", "a")]
)
def test_a_job_has_a_plain_name(folder: str, name: str) -> None:
    assert slurm._job_name(Path("runs") / folder) == name
