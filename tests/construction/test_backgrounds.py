"""Samples with another background: from footage, pictures and recorded decisions to rows that train."""

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.construction.crossing import FRAMES, HEIGHT, LICENCE, WIDTH, centre, crossing, write_footage, write_recipe
from tests.construction.deciding import choose_walker
from tests.construction.toys import tree

from vera.cli import main
from vera.construction.construct import build_samples
from vera.construction.decisions import read_decisions
from vera.construction.engine.record import Layout, read_record
from vera.construction.engine.stage import Item
from vera.construction.stages.background import Picture, choose_picture, read_picture
from vera.construction.stages.footage import clip_id
from vera.construction.upkeep import collect_garbage, verify_build
from vera.data.released.dataset import ReleasedLayers
from vera.errors import DamageWarning, VeraError
from vera.files import file_hash
from vera.video import read_lossless

ROWS = f"dataset/vera-train-set/{FRAMES}-frames/realistic-set1-bg-change.jsonl"
PANORAMA = "{panoramas: [%s/pictures/*.hdr], enlarged: 2}"
PHOTOS = "{photos: [%s/pictures/*.png]}"


def write_pictures(folder: Path, *names: str, licence: str | None = LICENCE) -> None:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        rng = np.random.default_rng(100 + number)
        small = rng.uniform(0.02, 1, (16, 32, 3)).astype(np.float32)
        picture = cv2.resize(small, (640, 320), interpolation=cv2.INTER_CUBIC).clip(0.01, 1)
        cv2.imwrite(str(folder / name), picture if name.endswith(".hdr") else (picture * 255).astype(np.uint8))
        if licence is not None:
            (folder / f"{name}.licence.yaml").write_text(licence, encoding="utf-8")


def setup(root: Path, background: str = PHOTOS, tasks: str = "[background_replace]", **curated: object) -> Path:
    """Footage of one ball, chosen by a box, whose matte is accepted; the recipe."""
    (path,) = write_footage(root / "footage", 1)
    clip = clip_id(file_hash(path)[:16], 0, FRAMES)
    x, y = centre(8)
    prompts = [{"frame": 8, "box": [x - 16, y - 16, 33, 33]}]
    rows = [
        {"clip": clip, "gate": "annotate", "by": "anna", "objects": [{"noun": "ball", "prompts": prompts}]},
        {"clip": clip, "gate": "filter", "object": "o1", "by": "ben", "accept": True},
        {"clip": clip, "gate": "curate", "object": "o1", "by": "cleo", "accept": True, **curated},
    ]
    (root / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    lines = [f"tasks: {tasks}", f"decisions: [{root}/log.jsonl]", f"background: {background % root}"]
    return write_recipe(root / "r.yaml", *lines)


def rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / ROWS).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("background", [PHOTOS, PANORAMA])
def test_samples_bring_the_clip_back(tmp_path: Path, background: str) -> None:
    write_pictures(tmp_path / "pictures", "a.png", "b.png", "c.hdr")
    recipe = setup(tmp_path, background, scene="a wall of many colours")
    assert build_samples(recipe, tmp_path / "out").samples == 1
    data = ReleasedLayers(
        str(tmp_path / "out/dataset"), clip_frames=FRAMES, frames=FRAMES, size=f"{WIDTH}x{HEIGHT}", held_out_share=0
    )
    sample = data.load(data.draw(0, 1)[0])
    clip, y, x = crossing(1), *np.ogrid[:HEIGHT, :WIDTH]
    assert sample.task == "background_replace" and sample.mask is not None
    assert np.abs(sample.composite.astype(int) - clip).mean() < 0.5
    for t in (0, 8, 16):
        away = (x - centre(t)[0]) ** 2 + (y - centre(t)[1]) ** 2
        ball, far = away < 9**2, away > 18**2
        assert (sample.alpha[t][ball] == 0).all() and (sample.alpha[t][far] == 255).all()
        assert (sample.mask[t][ball] == 255).all() and (sample.mask[t][far] == 0).all()
        assert np.abs(sample.source[t][ball].astype(int) - clip[t][ball]).max() <= 1
        assert np.abs(sample.source[t][far].astype(int) - clip[t][far]).mean() > 15
    (row,) = rows(tmp_path / "out")
    told = row["provenance"]
    assert isinstance(told, dict)
    assert "a wall of many colours" in sample.instruction and "ball" in json.dumps(row)
    assert (told["reviewed_by"], told["instruction_by"], told["scene_by"]) == ("cleo", "template", "cleo")
    assert told["licence"] == "OWN" and told["pictures"] == [{"licence": "OWN", "creator": "anna", "url": None}]
    before = tree(tmp_path / "out")
    assert build_samples(recipe, tmp_path / "out").samples == 1
    assert tree(tmp_path / "out") == before and not verify_build(tmp_path / "out")
    assert collect_garbage(tmp_path / "out") == (0, 0)


def test_both_tasks_share_masks_and_mattes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    recipe = setup(tmp_path, tasks="[obj_add, background_replace]")
    assert build_samples(recipe, tmp_path / "out", workers=2).samples == 2
    assert len(list((tmp_path / "out/dataset").rglob("*.jsonl"))) == 2
    assert len(list((tmp_path / "out").rglob("masks.mkv"))) == 1


def test_what_nobody_described_is_told_by_light_and_colour(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    recipe = setup(tmp_path)
    build_samples(recipe, tmp_path / "out")
    (row,) = rows(tmp_path / "out")
    assert row["provenance"]["scene_by"] == "measured"  # type: ignore[index]
    assert "scene in" in str(row["edit_instruction"])


def test_strokes_mend_the_matte(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    stroke = {"points": [[140, 85]], "radius": 6, "value": 1.0, "range": [0, 4]}
    recipe = setup(tmp_path, strokes=[stroke])
    assert build_samples(recipe, tmp_path / "out").samples == 1
    data = ReleasedLayers(
        str(tmp_path / "out/dataset"), clip_frames=FRAMES, frames=FRAMES, size=f"{WIDTH}x{HEIGHT}", held_out_share=0
    )
    sample = data.load(data.draw(0, 1)[0])
    assert (sample.alpha[:5, 85, 140] == 0).all() and (sample.alpha[5:, 85, 140] == 255).all()
    assert np.abs(sample.source[2, 85, 140].astype(int) - crossing(1)[2, 85, 140]).max() <= 1


def test_levels_mend_the_matte_before_strokes_do(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    plain, mended = (tmp_path / name for name in ("plain", "mended"))
    build_samples(setup(tmp_path), plain)
    build_samples(setup(tmp_path, levels=[0.25, 0.75]), mended)
    (matte,), (curated,) = list(plain.rglob("matte.mkv")), list(mended.rglob("curated.mkv"))
    alpha = read_lossless(matte).astype(np.float64) / 65535
    wanted = np.clip((alpha - 0.25) / 0.5, 0, 1) * 65535
    assert np.abs(read_lossless(curated) - wanted).max() <= 0.51
    assert not list(plain.rglob("curated.mkv"))


def test_parts_are_taken_from_the_matte(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    plain, mended = (tmp_path / name for name in ("plain", "mended"))
    build_samples(setup(tmp_path), plain)
    matte = read_lossless(next(plain.rglob("matte.mkv")))
    t, y, x = (int(at) for at in np.argwhere(matte > 60000)[0])
    build_samples(setup(tmp_path, parts=[[t, x, y], [t, 0, 0]]), mended)
    assert read_lossless(next(mended.rglob("curated.mkv")))[matte > 60000].max() == 0
    with pytest.warns(DamageWarning, match="no point 9999"):
        build_samples(setup(tmp_path, parts=[[t, 9999, y]]), tmp_path / "beside")


def test_a_refused_matte_makes_no_sample_and_an_open_one_waits(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    recipe = setup(tmp_path, accept=False, reason="hair is lost")
    assert build_samples(recipe, tmp_path / "out").rejected == {"curate: filtered": 1}
    kept = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "log.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert build_samples(recipe, tmp_path / "out").waiting == {"curate": 1}
    assert build_samples(recipe, tmp_path / "out", unattended=True).samples == 1
    assert rows(tmp_path / "out")[0]["provenance"]["reviewed_by"] == "nobody"  # type: ignore[index]


def test_pictures_that_are_too_small_or_the_same_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    recipe = setup(tmp_path)
    cv2.imwrite(str(tmp_path / "pictures/a.png"), np.zeros((20, 30, 3), np.uint8))
    assert build_samples(recipe, tmp_path / "out").rejected == {"background: picture too small": 1}
    cv2.imwrite(str(tmp_path / "pictures/a.png"), crossing(1)[0][..., ::-1])
    assert build_samples(recipe, tmp_path / "out").rejected == {"background_check: same background": 1}


@pytest.mark.parametrize(
    ("picture", "footage", "commercial", "told"),
    [
        ("licence: CC-BY-ND-4.0\n", LICENCE, "false", "a.png: CC-BY-ND-4.0 forbids derivatives"),
        ("licence: CC-BY-NC-4.0\n", LICENCE, "true", "a.png: CC-BY-NC-4.0 forbids commercial use"),
        (None, LICENCE, "false", "a.png: has no licence"),
        ("licence: CC-BY-SA-4.0\n", "licence: CC-BY-NC-SA-4.0\n", "false", "exclude each other"),
    ],
)
def test_licences_of_pictures_count(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    picture: str | None,
    footage: str,
    commercial: str,
    told: str,
) -> None:
    write_pictures(tmp_path / "pictures", "a.png", licence=picture)
    recipe = setup(tmp_path)
    write_footage(tmp_path / "footage", 1, licence=footage)
    recipe.write_text(recipe.read_text() + f"commercial: {commercial}\n", encoding="utf-8")
    assert main(["data", "build", str(recipe), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_row_has_the_strictest_of_footage_and_picture(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png", licence="licence: CC-BY-NC-4.0\ncreator: dora\n")
    build_samples(setup(tmp_path), tmp_path / "out")
    told = rows(tmp_path / "out")[0]["provenance"]
    assert isinstance(told, dict)
    assert (told["licence"], told["commercial"], told["creator"]) == ("CC-BY-NC-4.0", False, "anna")
    assert told["pictures"][0]["creator"] == "dora"


def test_another_picture_takes_only_what_becomes_its_own(tmp_path: Path) -> None:
    pictures = tuple(Picture(f"{n}.png", f"{n:064x}", False, {}) for n in range(5))
    items = [Item(f"{n:016x}", "o1", {}, {}, {}, {}, tmp_path, tmp_path) for n in range(200)]
    before = [choose_picture(pictures[:4], item) for item in items]
    after = [choose_picture(pictures, item) for item in items]
    assert all(new in (old, pictures[4]) for old, new in zip(before, after, strict=True))
    assert 20 < sum(new == pictures[4] for new in after) < 70
    assert len({picture.path for picture in before}) == 4


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(VeraError, match=r"a\.png: cannot be read as a picture"), warnings.catch_warnings():
        read_picture(Picture(str(tmp_path / "a.png"), "0", False, {}))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tasks: [background_replace]", "name the photos or panoramas"),
        ("tasks: [obj_add, obj_add]", "twice"),
        ("tasks: [recolour]", "is one of"),
        ("tasks: []", "has a length"),
        ("background: {photos: [nowhere/*.png]}\ntasks: [background_replace]", "names no file"),
    ],
)
def test_bad_recipes(tmp_path: Path, line: str, told: str) -> None:
    write_footage(tmp_path / "footage", 1)
    with pytest.raises(VeraError, match=told):
        build_samples(write_recipe(tmp_path / "r.yaml", line), tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"gate": "curate", "accept": True}, "curate is of an object"),
        ({"gate": "curate", "object": "o1"}, "curate is of an object"),
        ({"gate": "filter", "object": "o1", "accept": True, "scene": "a street"}, "are of curate"),
        ({"gate": "curate", "object": "o1", "accept": True, "strokes": [{"points": []}]}, "1: "),
        ({"gate": "curate", "object": "o1", "accept": True, "levels": [0.9, 0.1]}, "1: levels rise"),
        ({"gate": "curate", "object": "o1", "accept": True, "levels": [0.1]}, "1: levels"),
        ({"gate": "filter", "object": "o1", "accept": True, "levels": [0.1, 0.9]}, "are of curate"),
        ({"gate": "filter", "object": "o1", "accept": True, "parts": [[0, 0, 0]]}, "are of curate"),
        ({"gate": "curate", "object": "o1", "accept": True, "parts": [[0, 0]]}, "1: parts"),
        ({"gate": "curate", "object": "o1", "accept": True, "scene": "x" * 300}, "scene"),
    ],
)
def test_bad_decisions(tmp_path: Path, more: dict[str, object], told: str) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"clip": "0" * 16, "by": "anna", **more}) + "\n", encoding="utf-8")
    with pytest.raises(VeraError, match=told):
        read_decisions([tmp_path / "log.jsonl"])


@pytest.mark.slow
def test_a_real_walker_whose_mask_has_holes_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "a.png")
    street, clip = choose_walker(tmp_path)
    verdict = {"clip": clip, "gate": "curate", "object": "o1", "by": "cleo", "accept": True}
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(verdict) + "\n")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"footage: [{street}]\nframes: {FRAMES}\nsize: 416x240\ntasks: [background_replace]\n"
        f"decisions: [{tmp_path / 'log.jsonl'}]\nmasks: {{inside: 0, whole: 0.7}}\n"
        f"background: {{photos: [{tmp_path}/pictures/a.png], enlarged: 10}}\n",
        encoding="utf-8",
    )
    report = build_samples(recipe, tmp_path / "out", workers=2)
    assert report.rejected["background_check: layers are not the clip"] == 1
    path = next(path for path in Layout(tmp_path / "out").records("clip") if path.parent.name == clip)
    record = read_record(path)
    assert record is not None
    print(record.stages["o1/background_check"].detail)
