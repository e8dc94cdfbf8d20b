"""Two processes that share the tokens of a sample predict and learn as one does."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.models.context_parallel_worker import CASES


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("shared") / "results.json"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.models.context_parallel_worker", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(out.read_text())


@pytest.mark.parametrize("case", CASES)
def test_equals_one_process(results: Any, case: str) -> None:
    assert results["even"][case]["prediction"] <= 1e-5
    assert results["even"][case]["gradients"] <= 1e-5, "summed over the processes"


@pytest.mark.parametrize("case", CASES)
def test_uneven_shares_predict_the_same(results: Any, case: str) -> None:
    assert results["uneven"][case] <= 1e-5
    assert results["uneven heads"] <= 1e-5


def test_gradient_checkpointing_gives_the_same_gradients(results: Any) -> None:
    assert results["checkpointing"]["gradients"] <= 1e-5


def test_bfloat16_attends_to_all_tokens_too(results: Any) -> None:
    """On a CPU one process trains in bfloat16 by another kernel, which knows of no other process."""
    # Were each process to attend to its own tokens only: 0.063 and 0.033.
    assert results["bfloat16"]["prediction"] <= 0.02
    assert results["bfloat16"]["gradients"] <= 0.015


def test_diffusers_own_call_engages(results: Any) -> None:
    assert results["diffusers"] <= 1e-5


def test_a_process_computes_its_share_of_the_tokens(results: Any) -> None:
    share = 12 // 2
    # Two blocks: all layers together, then edit and composite with the text.
    assert results["tokens"] == [3 * share, share, share] * 2


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("tokens", "2 processes cannot share the 9 tokens of a latent clip of 1x6x6 evenly"),
        ("heads", "2 processes cannot share 3 heads: take one of [3]"),
        ("processes", "2 processes cannot be grouped by 3"),
        ("backend", "backend flex cannot be split: take one of"),
    ],
)
def test_what_does_not_divide_is_one_clear_line(results: Any, what: str, line: str) -> None:
    assert line in results["refused"][what]
