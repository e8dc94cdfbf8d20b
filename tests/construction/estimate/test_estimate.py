"""Plans of builds: sums that follow from the figures, and what a build itself measured."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.construction.crossing import write_footage, write_recipe

from vera.cli import main
from vera.construction.adapters.generator import GeneratorNetwork
from vera.construction.adapters.matter import MatterNetwork
from vera.construction.adapters.remover import RemoverNetwork
from vera.construction.adapters.segmenter import SegmenterNetwork
from vera.construction.adapters.shots import ShotNetwork
from vera.construction.construct import build_samples
from vera.construction.estimate import measured
from vera.construction.estimate.estimate import Estimate, estimate, figure_key
from vera.construction.estimate.figures import WORK, Figure, Work
from vera.construction.estimate.measured import measured_work
from vera.construction.recipe import Backgrounds, BuildRecipe, Prices, make_stages
from vera.construction.stages.background import Background
from vera.construction.stages.footage import Split
from vera.construction.stages.looked import Inspect, Triage
from vera.construction.stages.objects import Masks, Propose
from vera.construction.stages.removal import Matte, Remove
from vera.construction.stages.replaced import BackgroundWords
from vera.construction.stages.samples import Words

BOTH = BuildRecipe(("*.mp4",), tasks=("obj_add", "background_replace"), background=Backgrounds(("*.png",)))


def planned(recipe: BuildRecipe = BOTH, clips: int = 1000, work: dict[str, Work] | None = None) -> Estimate:
    return estimate(recipe, make_stages(recipe), clips, WORK if work is None else work)


def test_every_stage_has_figures_and_every_figure_a_source() -> None:
    keys = {figure_key(stage) for stage in make_stages(BOTH)}
    for stage, network in (
        (Split, ShotNetwork),
        (Propose, SegmenterNetwork),
        (Masks, SegmenterNetwork),
        (Matte, MatterNetwork),
        (Remove, RemoverNetwork),
        (Background, GeneratorNetwork),
    ):
        keys |= {f"{stage.name}:{kind}" for kind in get_args(get_type_hints(network)["kind"])}
    keys |= {f"{stage.name}:vlm" for stage in (Words, BackgroundWords, Triage, Inspect)}
    assert keys | {"layers:omnimatte"} == set(WORK)
    for work in WORK.values():
        figures = [work.cpu, work.size, work.gpu, work.people, work.keeps, *work.tokens]
        for figure in (figure for figure in figures if figure is not None):
            assert figure.source.startswith(("measured: python -m benchmarks.", "assumed: ", "published: ")) or (
                figure.source == "" and figure.value in (0, 1)
            )


@given(st.integers(1, 10**9), st.sampled_from([5, 49, 81]), st.sampled_from(["416x240", "832x480"]))
def test_all_grows_with_clips_frames_and_pixels(clips: int, frames: int, size: str) -> None:
    one, found = planned(clips=1000).total, planned(replace(BOTH, frames=frames, size=size), clips).total
    width, height = map(int, size.split("x"))
    factor = clips / 1000
    pixels = factor * frames * width * height / (81 * 832 * 480)
    assert found.people == pytest.approx(one.people * factor)
    assert (found.cpu, found.size) == (pytest.approx(one.cpu * pixels), pytest.approx(one.size * pixels))  # type: ignore[operator]


def test_the_sums_follow_from_the_figures() -> None:
    work = {name: Work() for name in WORK} | {
        "screen": Work(cpu=Figure(3.6, "assumed: "), keeps=Figure(0.5, "assumed: ")),
        "annotate": Work(people=Figure(36, "assumed: "), keeps=Figure(0.5, "assumed: ")),
        "masks": Work(gpu=Figure(7.2, "assumed: ")),
        "publish": Work(size=Figure(1e6, "assumed: ")),
    }
    prices = Prices(cpu_hour=1, gpu_hour=10, person_hour=100, terabyte=1000)
    found = planned(BuildRecipe(("*.mp4",), prices=prices), 1000, work)
    rows = {row.stage: row for row in found.rows}
    assert [rows[name].items for name in ("screen", "annotate", "masks", "publish")] == [1000, 500, 250, 250]
    assert found.samples == 250
    assert rows["screen"].cpu == pytest.approx(1000 * 81 * 3.6 / 3600)
    assert rows["annotate"].people == pytest.approx(5) and rows["masks"].gpu == pytest.approx(0.5)
    assert rows["publish"].size == pytest.approx(250 * 81 * 1e6)
    assert found.total.cost == pytest.approx(81 + 500 + 5 + 0.02025 * 1000)


def test_what_nobody_measured_is_told_and_not_summed() -> None:
    work = WORK | {"matte": Work(cpu=None, gpu=None)}
    found = planned(work=work)
    assert found.unknown == ["matte CPU h", "matte GPU h"]
    assert next(row for row in found.rows if row.stage == "matte").cost == 0


def test_a_build_s_own_measurements_take_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "FEWEST", 1)
    write_footage(tmp_path / "footage", 1, 2)
    recipe = write_recipe(tmp_path / "r.yaml", "masks: {area: [0.005, 0.01]}")
    report = build_samples(recipe, tmp_path / "out", unattended=True)
    assert report.rejected == {"masks: too large": 2}
    stages = make_stages(BuildRecipe(("*",)))
    found = measured_work(tmp_path / "out", stages, WORK)
    assert (found["screen"].keeps.value, found["masks"].keeps.value) == (1, 0)
    assert found["screen"].cpu is not None and found["screen"].cpu.source == f"measured: 2 runs in {tmp_path / 'out'}"
    frames = next((tmp_path / "out").rglob("frames.mkv")).stat().st_size
    assert found["proxy"].size is not None
    assert found["proxy"].size.value == pytest.approx(frames / 17 * (832 * 480) / (160 * 96), rel=0.2)
    assert found["layers"] == WORK["layers"]  # never ran


def test_the_command_tells_all_and_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path / "r.yaml")
    assert main(["data", "build", str(recipe), "--plan", "--clips", "1e6"]) == 0
    told = capsys.readouterr().out
    rows = {line.split()[0]: line for line in told.splitlines()}
    assert {"ingest", "annotate", "publish", "all", "figure"} <= set(rows)
    assert "1,000,000" in rows["plan"] and "1,000,000" in rows["ingest"]
    sources = re.findall(r"^figure +.*?(measured: |assumed: |published: |is not counted)", told, re.MULTILINE)
    assert len(sources) == sum(line.startswith("figure") for line in told.splitlines())
    assert list(tmp_path.iterdir()) == [recipe]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--plan"], "--clips"),
        (["--plan", "--clips", "0"], "at least 1"),
        (["--plan", "--clips", "nan"], "at least 1"),
        (["--clips", "10", "--out", "out"], "is for --plan"),
        ([], "name the build's folder"),
        (["--plan", "--clips", "10", "--out", "nowhere"], "holds no build"),
    ],
)
def test_bad_plans(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path / "r.yaml")
    assert main(["data", "build", str(recipe), *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [recipe]
