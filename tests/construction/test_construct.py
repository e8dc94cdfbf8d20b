"""From footage to samples, by the recipe's own stages: end to end, and what bad footage comes to."""

import json
import os
import resource
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from tests.construction.crossing import FRAMES, HEIGHT, LICENCE, WIDTH, centre, crossing, write_footage, write_recipe
from tests.construction.deciding import choose_walker, decide
from tests.construction.toys import Tainted, tree

from vera.annotation.desk import open_desk
from vera.cli import main
from vera.construction.construct import build_samples, build_status
from vera.construction.publish import publish
from vera.construction.recipe import make_stages, read_recipe
from vera.construction.sources import match_files
from vera.construction.upkeep import collect_garbage, retry, verify_build
from vera.data.released.dataset import ReleasedLayers
from vera.errors import DamageWarning, VeraError
from vera.files import file_hash

ROWS = f"dataset/vera-train-set/{FRAMES}-frames/realistic-set1-obj-add.jsonl"


def rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / ROWS).read_text(encoding="utf-8").splitlines()]


def layers(out: Path, size: str = f"{WIDTH}x{HEIGHT}") -> ReleasedLayers:
    return ReleasedLayers(str(out / "dataset"), clip_frames=FRAMES, frames=FRAMES, size=size, held_out_share=0)


def click(t: int = 8) -> dict[str, object]:
    x, y = centre(t)
    return {"prompts": [{"frame": t, "box": [x - 16, y - 16, 33, 33]}]}


def test_recorded_decisions_make_samples_that_train(tmp_path: Path) -> None:
    for path, noun in zip(write_footage(tmp_path / "footage", 1, 2), ("red ball", "orange"), strict=True):
        decide(tmp_path / "log.jsonl", path, noun, **click())
    recipe = write_recipe(tmp_path / "r.yaml", "commercial: true", f"decisions: [{tmp_path / 'log.jsonl'}]")
    report = build_samples(recipe, tmp_path / "out")
    assert (report.samples, report.rejected, report.waiting) == (2, {}, {})
    data = layers(tmp_path / "out")
    for key in data.draw(0, 2):
        sample = data.load(key)
        near = [crossing(seed)[8] for seed in (1, 2)]
        assert min(np.abs(sample.composite[8].astype(int) - clip).mean() for clip in near) < 0.5
        ball = np.zeros((HEIGHT, WIDTH), bool)
        y, x = np.ogrid[:HEIGHT, :WIDTH]
        ball[(x - centre(8)[0]) ** 2 + (y - centre(8)[1]) ** 2 < 10**2] = True
        assert sample.alpha[8][ball].min() > 200 and sample.alpha[8][~ball].mean() < 10
        assert "ball" in sample.instruction or "orange" in sample.instruction
    told = rows(tmp_path / "out")[0]["provenance"]
    assert isinstance(told, dict)
    assert (told["annotated_by"], told["reviewed_by"], told["instruction_by"]) == ("anna", "ben", "template")
    assert (told["licence"], told["commercial"], told["creator"]) == ("OWN", True, "anna")
    again = tree(tmp_path / "out")
    assert build_samples(recipe, tmp_path / "out").samples == 2
    assert tree(tmp_path / "out") == again
    assert not verify_build(tmp_path / "out")


def test_gates_say_what_waits_and_take_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = write_footage(tmp_path / "footage", 1)
    recipe = write_recipe(tmp_path / "r.yaml")
    command = ["data", "build", str(recipe), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "1 for people at annotate" in capsys.readouterr().out
    decide(tmp_path / "log.jsonl", path, "ball", proposal=0, moving=True)
    assert main(["data", "build", "import", str(tmp_path / "out"), str(tmp_path / "log.jsonl")]) == 0
    assert main(command) == 0
    assert "samples  " in capsys.readouterr().out
    assert len(rows(tmp_path / "out")) == 1
    assert main(["data", "build", "status", str(tmp_path / "out")]) == 0
    assert "publish" in capsys.readouterr().out


def test_unattended_rows_say_that_nobody_looked(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    assert build_samples(write_recipe(tmp_path / "r.yaml"), tmp_path / "out", unattended=True).samples == 1
    told = rows(tmp_path / "out")[0]["provenance"]
    assert isinstance(told, dict)
    assert (told["annotated_by"], told["reviewed_by"], told["noun"]) == ("nobody", "nobody", "moving object")


def test_bad_footage_is_a_line_each_and_stops_no_other(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1, 2)
    write_footage(tmp_path / "footage", 3, licence=None)
    footage = tmp_path / "footage"
    (footage / "4.mkv").write_bytes((footage / "1.mkv").read_bytes()[:900])
    (footage / "4.mkv.licence.yaml").write_text("licence: OWN\n", encoding="utf-8")
    (footage / "5.mkv").write_bytes((footage / "1.mkv").read_bytes())
    (footage / "5.mkv.licence.yaml").write_text("licence: CC-BY-NC-4.0\n", encoding="utf-8")
    recipe = write_recipe(tmp_path / "r.yaml")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        report = build_samples(recipe, tmp_path / "out", unattended=True)
    lines = sorted(str(warning.message) for warning in told if warning.category is DamageWarning)
    assert report.samples == 2
    assert len(lines) == 3 and all("\n" not in line for line in lines)
    assert [word for line in lines for word in ("the same as", "no licence", "3.mkv.licence", "4.mkv") if word in line]
    licences = {row["provenance"]["licence"] for row in rows(tmp_path / "out")}  # type: ignore[index]
    assert licences == {"OWN", "CC-BY-NC-4.0"}  # of two that are one, the stricter
    (footage / "3.mkv.licence.yaml").write_text("licence: OWN\n", encoding="utf-8")
    with pytest.warns(DamageWarning):
        assert build_samples(recipe, tmp_path / "out", unattended=True).samples == 3


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("licence: CC-BY-NC-4.0\n", "CC-BY-NC-4.0 forbids commercial use"),
        ("licence: CC-BY-ND-4.0\n", "forbids derivatives"),
        ("licence: mine\n", "is not known"),
        ("licence: mine\nterms: {commercial: false, derivatives: true}\n", "mine forbids commercial use"),
        ("creator: anna\n", "missing licence"),
        ("- OWN\n", "is a mapping"),
    ],
)
def test_licences_are_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], licence: str, told: str
) -> None:
    write_footage(tmp_path / "footage", 1, licence=licence)
    recipe = write_recipe(tmp_path / "r.yaml", "commercial: true")
    assert main(["data", "build", str(recipe), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error and "1.mkv" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_models_are_refused_as_footage_is(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    stages = (*make_stages(read_recipe(write_recipe(tmp_path / "r.yaml")))[:2], Tainted())
    recipe = write_recipe(tmp_path / "r.yaml", "commercial: true")
    with pytest.raises(VeraError, match="forbids commercial use"):
        build_samples(recipe, tmp_path / "out", stages=stages)
    assert not (tmp_path / "out").exists()


def test_upkeep(tmp_path: Path) -> None:
    paths = write_footage(tmp_path / "footage", 1, 2)
    recipe = write_recipe(tmp_path / "r.yaml")
    build_samples(recipe, tmp_path / "out", unattended=True)
    before = tree(tmp_path / "out")
    victim = next((tmp_path / "out").rglob("alpha.mkv"))
    victim.write_bytes(b"spoilt")
    wrong = verify_build(tmp_path / "out", mend=True)
    assert wrong == [victim.relative_to(tmp_path / "out").as_posix()] and not victim.exists()
    build_samples(recipe, tmp_path / "out", unattended=True)
    assert tree(tmp_path / "out") == before
    assert collect_garbage(tmp_path / "out") == (0, 0)
    paths[0].unlink()
    build_samples(recipe, tmp_path / "out", unattended=True)
    assert len(rows(tmp_path / "out")) == 1
    files, _ = collect_garbage(tmp_path / "out")
    assert files > 0 and not verify_build(tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*_input.mp4"))) == 1
    assert len(rows(tmp_path / "out")) == 1


@pytest.mark.faults
def test_upkeep_of_sources_that_are_to_be_read_anew_keeps_and_compares_their_clips(tmp_path: Path) -> None:
    (path,) = write_footage(tmp_path / "footage", 1)
    recipe, out = write_recipe(tmp_path / "r.yaml"), tmp_path / "out"
    build_samples(recipe, out, unattended=True)
    before, clips = tree(out), list(out.rglob("*.m[kp][v4]"))
    sidecar = path.with_name(path.name + ".licence.yaml")
    sidecar.write_text(LICENCE + "url: https://example.org\n", encoding="utf-8")
    assert collect_garbage(out) == (0, 0) and all(clip.is_file() for clip in clips)
    spoilt = next(out.rglob("alpha.mkv"))
    held = spoilt.read_bytes()
    spoilt.write_bytes(b"spoilt")
    assert verify_build(out) == [spoilt.relative_to(out).as_posix()]
    spoilt.write_bytes(held)
    sidecar.write_text(LICENCE, encoding="utf-8")
    assert build_samples(recipe, out, unattended=True).samples == 1
    assert tree(out) == before
    sidecar.unlink()
    with pytest.warns(DamageWarning, match="write 1.mkv"):
        build_samples(recipe, out, unattended=True)
    assert collect_garbage(out)[0] > 0 and not list(out.rglob("*.m[kp][v4]"))


def test_files_of_rejected_clips_are_collected_and_made_anew_where_the_recipe_changes(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1, 2)
    recipe = write_recipe(tmp_path / "r.yaml", "screen: {still: 1.0}")
    assert build_samples(recipe, tmp_path / "out", unattended=True).rejected == {"screen: still": 2}
    proxies = list((tmp_path / "out").rglob("frames.mkv"))
    assert len(proxies) == 2
    files, size = collect_garbage(tmp_path / "out")
    assert files == 2 and size > 0 and not any(path.exists() for path in proxies)
    assert not verify_build(tmp_path / "out")
    again = build_samples(recipe, tmp_path / "out", unattended=True)
    assert again.rejected == {"screen: still": 2} and not any(path.exists() for path in proxies)
    write_recipe(recipe)
    assert build_samples(recipe, tmp_path / "out", unattended=True).samples == 2
    build_samples(recipe, tmp_path / "new", unattended=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


def relative_build(project: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Path:
    """A build whose recipe's paths are all relative."""
    project.mkdir()
    monkeypatch.chdir(project)
    (path,) = write_footage(Path("footage"), seed)
    decide(Path("log.jsonl"), path, "ball", **click())
    Path("photos").mkdir()
    cv2.imwrite("photos/a.png", np.full((HEIGHT, WIDTH, 3), 90 + seed, np.uint8))
    Path("photos/licence.yaml").write_text(LICENCE, encoding="utf-8")
    Path("r.yaml").write_text(
        f"footage: [footage/*.mkv]\nframes: {FRAMES}\nsize: {WIDTH}x{HEIGHT}\ndecisions: [log.jsonl]\n"
        "tasks: [obj_add, background_replace]\nbackground: {photos: [photos/*.png]}\n",
        encoding="utf-8",
    )
    assert build_samples(Path("r.yaml"), Path("out")).samples == 1
    return project / "out"


@pytest.mark.faults
def test_a_folder_means_its_own_footage_wherever_a_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = relative_build(tmp_path / "a", monkeypatch, 1)
    before, waiting = tree(out), build_status(out).waiting
    relative_build(tmp_path / "b", monkeypatch, 2)  # and here the other commands run
    for project in (tmp_path / "a", tmp_path / "moved"):
        if not project.exists():
            (tmp_path / "a").rename(project)
        out = project / "out"
        assert collect_garbage(out) == (0, 0) and not verify_build(out, mend=True)
        assert retry(out) == 0 and build_status(out).waiting == waiting
        (out / "index.sqlite").unlink()
        assert build_status(out).waiting == waiting and tree(out) == before
        assert publish(out, f"file://{tmp_path}/from {project.name}") == (1, 4)
    out.rename(tmp_path / "alone")
    with pytest.raises(VeraError, match="names no file"):
        collect_garbage(tmp_path / "alone")


@pytest.mark.faults
def test_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    for name in ("clip[1].mp4", "clip1.mp4", "clip2.mp4"):
        (tmp_path / name).touch()
    assert match_files(["clip[1].mp4"], "footage", tmp_path) == [Path("clip[1].mp4")]
    assert match_files([str(tmp_path / "clip[1].mp4")], "footage") == [tmp_path / "clip[1].mp4"]
    assert match_files(["clip[12].mp4"], "footage", tmp_path) == [Path("clip1.mp4"), Path("clip2.mp4")]


@pytest.mark.faults
@pytest.mark.parametrize("where", ["clips", "sources", "clips/raw", "dataset", "mine"])
@pytest.mark.parametrize("what", ["footage", "photos", "extends"])
def test_what_is_read_does_not_lie_in_the_folder_of_the_build(tmp_path: Path, where: str, what: str) -> None:
    out = tmp_path / "out"
    (out / where).mkdir(parents=True)
    places = dict.fromkeys(["footage", "photos", "extends"], tmp_path) | {what: out / where}
    write_footage(places["footage"], 1)
    cv2.imwrite(str(places["photos"] / "a.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    (places["photos"] / "licence.yaml").write_text(LICENCE, encoding="utf-8")
    (places["extends"] / "base.yaml").write_text(f"frames: {FRAMES}\nsize: {WIDTH}x{HEIGHT}\n", encoding="utf-8")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"extends: {places['extends']}/base.yaml\nfootage: ['{places['footage']}/*.mkv']\n"
        f"tasks: [background_replace]\nbackground: {{photos: ['{places['photos']}/*.png']}}\n",
        encoding="utf-8",
    )
    before = sorted(out.rglob("*"))
    with pytest.raises(VeraError, match="holds files that the same command reads"):
        build_samples(recipe, out)
    assert sorted(out.rglob("*")) == before


@pytest.mark.faults
def test_what_the_build_did_not_make_stays(tmp_path: Path) -> None:
    (path,) = write_footage(tmp_path / "footage", 1)
    recipe, out = write_recipe(tmp_path / "r.yaml"), tmp_path / "out"
    build_samples(recipe, out, unattended=True)
    unit = next(out.glob("clips/??/*"))
    mine = [
        *(out / name for name in ("clips/walk.mkv", "clips/raw/walk.mkv", "sources/raw/take 1/a.mkv", "dataset/a.mp4")),
        unit / "notes.txt",
        out / ROWS.replace("realistic-set1", "synthetic").replace(".jsonl", "/000001_input.mp4"),
        out / ROWS.replace(".jsonl", "/0123456789abcdef0123456789abcdef_w0_input.mp4"),
        out / ROWS.replace("realistic-set1", "synthetic"),
    ]
    for file in mine:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b'{"edit_instruction": "Add a ball.\xe2\x80\xa8"}\n\xff\n{"number": 2}')
    with (out / ROWS).open("ab") as rows_of_both:
        rows_of_both.write(mine[-1].read_bytes())
    before = {file: file.read_bytes() for file in mine}
    build_samples(recipe, out, unattended=True)
    assert collect_garbage(out) == (0, 0)
    assert publish(out, f"file://{tmp_path}/published") == (1, 4)
    write_footage(tmp_path / "footage", 2)
    path.unlink()
    build_samples(recipe, out, unattended=True)
    assert collect_garbage(out)[0] > 0 and not (unit / "record.json").exists() and not (unit / "o1").exists()
    assert {file: file.read_bytes() for file in mine} == before
    held = (out / ROWS).read_bytes().splitlines()
    assert held[:-1] == before[mine[-1]].splitlines() and b"provenance" in held[-1]


@pytest.mark.faults
def test_a_changed_record_ends_commands_in_a_line_and_touches_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe, out = write_recipe(tmp_path / "r.yaml"), tmp_path / "out"
    build_samples(recipe, out, unattended=True)
    (tmp_path / "victim.txt").write_text("precious", encoding="utf-8")
    record = next(out.glob("clips/??/*/record.json"))
    held = json.loads(record.read_text(encoding="utf-8"))
    held["stages"]["proxy"]["files"] = {"dataset/../../victim.txt": file_hash(tmp_path / "victim.txt")}
    record.write_text(json.dumps(held), encoding="utf-8")
    for command in (
        [str(recipe), "--out", str(out), "--unattended"],
        ["verify", str(out), "--mend"],
        ["gc", str(out)],
        ["retry", str(out)],
        ["publish", str(out), "--to", f"file://{tmp_path}/published"],
        ["export", str(out), str(tmp_path / "masks"), "--format", "davis"],
    ):
        assert main(["data", "build", *command]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "remove its folder" in told
    assert [path.read_text() for path in tmp_path.rglob("victim.txt")] == ["precious"]


@pytest.mark.faults
def test_a_desk_has_the_network_of_the_build_wherever_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = relative_build(tmp_path / "a", monkeypatch, 1)
    held = yaml.safe_load((out / "build.yaml").read_text(encoding="utf-8"))
    held["masks"] = {"network": {"kind": "sam2", "path": "models/sam2", "licence": "Apache-2.0"}}
    (out / "build.yaml").write_text(yaml.safe_dump(held), encoding="utf-8")
    (tmp_path / "a/models/sam2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with closing(open_desk(out)) as desk:
        assert desk.clips.network is not None and desk.clips.network.folder() == "a/models/sam2"


@pytest.mark.faults
def test_a_folder_that_does_not_tell_where_its_footage_is_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = relative_build(tmp_path / "a", monkeypatch, 1)
    (out / "options.json").write_text('{"unattended": false, "limit": null}', encoding="utf-8")
    before = tree(out)
    assert collect_garbage(out) == (0, 0)
    relative_build(tmp_path / "b", monkeypatch, 2)
    for command in (collect_garbage, verify_build, retry):
        with pytest.raises(VeraError, match="was made of none of the files"):
            command(out)
    assert tree(out) == before


@pytest.mark.faults
def test_upkeep_does_not_change_what_a_build_was_told(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1, 2)
    recipe, out = write_recipe(tmp_path / "r.yaml"), tmp_path / "out"
    told = build_samples(recipe, out, unattended=True, limit=1).counts
    assert told["publish", "done", ""] == 1
    verify_build(out)
    assert build_status(out).counts == told
    (out / "index.sqlite").unlink()
    retry(out)
    assert build_status(out).counts == told


def test_what_waits_keeps_its_files(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe = write_recipe(tmp_path / "r.yaml")
    build_samples(recipe, tmp_path / "out")
    assert collect_garbage(tmp_path / "out") == (0, 0)


def test_rejections_can_be_tried_again(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    write_recipe(tmp_path / "base.yaml")
    strict = tmp_path / "r.yaml"
    strict.write_text("extends: base.yaml\nscreen: {still: 1.0}\n", encoding="utf-8")
    assert build_samples(strict, tmp_path / "out", unattended=True).rejected == {"screen: still": 1}
    assert retry(tmp_path / "out", "still") == 1
    assert build_status(tmp_path / "out").count("screen", "ready") == 1


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe = write_recipe(tmp_path / "r.yaml")
    command = [
        sys.executable,
        "-m",
        "vera",
        "data",
        "build",
        str(recipe),
        "--out",
        str(tmp_path / "out"),
        "--unattended",
    ]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # less than the frames have

    full = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, env=dict(os.environ))
    assert full.returncode == 2 and full.stderr.count("\n") == 1, full.stderr
    assert not list((tmp_path / "out").rglob("*.mkv"))
    assert build_samples(recipe, tmp_path / "out", unattended=True).samples == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("frames: 16", "frames is 1"),
        ("size: 100x100", "multiples of 16"),
        ("screen: {stil: 1}", "unknown field stil"),
        ("footage: [nowhere/*.mp4]", "names no file"),
        ("decisions: [nowhere.jsonl]", "no such log"),
    ],
)
def test_bad_recipes(tmp_path: Path, line: str, told: str) -> None:
    write_footage(tmp_path / "footage", 1)
    recipe = write_recipe(tmp_path / "r.yaml")
    name = line.partition(":")[0]
    kept = [held for held in recipe.read_text().splitlines() if not held.startswith(name)]
    recipe.write_text("\n".join([*kept, line]) + "\n")
    with pytest.raises(VeraError, match=told):
        build_samples(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_real_walker_becomes_a_sample(tmp_path: Path) -> None:
    street, _ = choose_walker(tmp_path)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"footage: [{street}]\nframes: {FRAMES}\nsize: 416x240\ndecisions: [{tmp_path / 'log.jsonl'}]\n"
        "masks: {inside: 0, whole: 0.7}  # he walks by close to the camera, behind a post\n",
        encoding="utf-8",
    )
    report = build_samples(recipe, tmp_path / "out", workers=2)
    assert report.samples == 1, report.counts
    (row,) = rows(tmp_path / "out")
    assert row["provenance"]["unseen"] < 0.05 and "walking man" in str(row["edit_instruction"])  # type: ignore[index]
    data = layers(tmp_path / "out", "416x240")
    sample = data.load(data.draw(0, 1)[0])
    assert 0.05 < (sample.alpha > 127).mean() < 0.4
