"""Builds whose steps are networks of random weights, as a recipe names them: from footage to rows."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.chat_endpoint import Said, answer, chat_endpoint
from tests.construction.adapters.test_writer import ADDED
from tests.construction.adapters.tiny import save_inpainting, save_tracker, save_videomama, save_wan_base
from tests.construction.crossing import FRAMES, centre, write_footage, write_recipe
from tests.pipelines.test_matting import folder as folder
from tests.wan_layouts import make_wan

from vera.cli import main
from vera.construction.construct import build_samples
from vera.construction.engine.record import Layout, read_record
from vera.construction.stages.footage import clip_id
from vera.errors import VeraError
from vera.files import file_hash
from vera.video import read_lossless

ROWS = f"dataset/vera-train-set/{FRAMES}-frames/realistic-set1-obj-add.jsonl"
OPEN = (
    "masks: {area: [0, 1], inside: 0, seen: 0, whole: 0%s}",
    "remove: {unseen: 1}",
    "check: {identity: 255, covered: 1}",
)


def setup(root: Path, masks: str = "", *lines: str) -> Path:
    """Footage of one ball, chosen by a box and accepted, and a recipe whose gates are open."""
    (path,) = write_footage(root / "footage", 1)
    clip, (x, y) = clip_id(file_hash(path)[:16], 0, FRAMES), centre(8)
    prompts = [{"frame": 8, "box": [x - 16, y - 16, 33, 33]}]
    rows = [
        {"clip": clip, "gate": "annotate", "by": "anna", "objects": [{"noun": "ball", "prompts": prompts}]},
        {"clip": clip, "gate": "filter", "object": "o1", "by": "ben", "accept": True},
    ]
    (root / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    sections = {line.partition(":")[0] for line in lines}
    limits = [line % masks if "%s" in line else line for line in OPEN if line.partition(":")[0] not in sections]
    return write_recipe(root / "r.yaml", f"decisions: [{root}/log.jsonl]", *limits, *lines)


def network(
    kind: str, path: Path, licence: str = "Apache-2.0", base: tuple[Path, str] | None = None, **more: object
) -> str:
    told: dict[str, object] = {"kind": kind, "path": str(path), "licence": licence, "device": "cpu", **more}
    if base is not None:
        told["base"] = {"path": str(base[0]), "licence": base[1]}
    return json.dumps(told)


def writer(url: str) -> str:
    return f"words: {{network: {{url: '{url}', name: writer, licence: Apache-2.0, frames: 2}}}}"


def test_networks_take_the_place_of_embedded_steps(tmp_path: Path, folder: Path) -> None:
    tracker = network("sam2", save_tracker(tmp_path / "sam2"))
    with chat_endpoint(lambda body: answer(ADDED), models=("writer",)) as endpoint:
        recipe = setup(
            tmp_path,
            f", network: {tracker}",
            f"propose: {{network: {tracker}}}",
            f"matte: {{network: {network('vitmatte', folder, 'CC-BY-NC-4.0')}}}",
            writer(endpoint.url),
        )
        report = build_samples(recipe, tmp_path / "out")
        assert report.samples == 1, [task.detail for task in report.troubles]
        (row,) = [json.loads(line) for line in (tmp_path / "out" / ROWS).read_text().splitlines()]
        assert row["edit_instruction"] == ADDED["instruction"]
        told = row["provenance"]
        assert (told["instruction_by"], told["captions"]["before"]) == ("writer", ADDED["before"])
        assert (told["licence"], told["commercial"]) == ("CC-BY-NC-4.0", False)
        assert told["licences"] == ["Apache-2.0", "CC-BY-NC-4.0", "OWN"]
        recipe.write_text(recipe.read_text().replace("frames: 2", "frames: 3"), encoding="utf-8")
        build_samples(recipe, tmp_path / "out")
        assert len(endpoint.asked) == 2  # the words alone were made anew
    with chat_endpoint(lambda body: answer(ADDED), models=("writer",)) as other:
        recipe.write_text(recipe.read_text().replace(endpoint.url, other.url), encoding="utf-8")
        assert build_samples(recipe, tmp_path / "out").samples == 1
        assert not other.asked  # where the same model is asked does not matter


def test_networks_take_the_object_out_and_make_its_matte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.construction.adapters.videomama.SIZE", (32, 16))
    save_inpainting(tmp_path / "casper"), save_wan_base(tmp_path / "wan"), save_videomama(tmp_path / "mama")
    remover = network("casper", tmp_path / "casper", base=(tmp_path / "wan", "Apache-2.0"), steps=1)
    matter = network("videomama", tmp_path / "mama", "CC-BY-NC-4.0", base=(tmp_path / "mama/base", "MIT"))
    recipe = setup(tmp_path, "", f"remove: {{network: {remover}}}", f"matte: {{network: {matter}}}")
    report = build_samples(recipe, tmp_path / "out")
    assert report.samples == 1, (report.rejected, [task.detail for task in report.troubles])
    (row,) = [json.loads(line) for line in (tmp_path / "out" / ROWS).read_text().splitlines()]
    told = row["provenance"]
    assert told["unseen"] is None and told["commercial"] is False
    assert told["licences"] == ["Apache-2.0", "CC-BY-NC-4.0", "MIT", "OWN"]
    (clip,) = (path.parent for path in Layout(tmp_path / "out").records("clip"))
    frames, plate, hole = (read_lossless(clip / name) for name in ("frames.mkv", "o1/plate.mkv", "o1/hole.mkv"))
    away = hole == 0
    assert (plate[away] == frames[away]).all() and (plate[~away] != frames[~away]).any()
    masks = read_lossless(clip / "o1/masks.mkv") > 127
    assert not (masks & away).any()
    recipe.write_text(recipe.read_text() + "commercial: true\n", encoding="utf-8")
    with pytest.raises(VeraError, match=r"CC-BY-NC-4\.0 forbids commercial use"):
        build_samples(recipe, tmp_path / "out")


def test_a_network_makes_the_background(tmp_path: Path) -> None:
    make_wan().save_pretrained(tmp_path / "wan")
    maker = network("wan", tmp_path / "wan", prompts=["a red balloon", "a balloon"], steps=1, guidance=1.0)
    limits = "distance: 255, subject: [0, 1], change: 0"
    recipe = setup(
        tmp_path,
        "",
        "tasks: [background_replace]",
        f"background: {{residual: 1, enlarged: 1000, network: {maker}}}",
        f"background_check: {{{limits}}}",
    )
    report = build_samples(recipe, tmp_path / "out", unattended=True)
    assert report.samples == 1, (report.rejected, [task.detail for task in report.troubles])
    (path,) = (tmp_path / "out/dataset").glob("*/*/*.jsonl")
    told = json.loads(path.read_text())["provenance"]
    assert told["picture"] in ("a red balloon", "a balloon")
    assert told["licences"] == ["Apache-2.0", "OWN"] and "pictures" not in told
    (clip,) = (held.parent for held in Layout(tmp_path / "out").records("clip"))
    frames, source, alpha = (
        read_lossless(clip / name) for name in ("frames.mkv", "o1/new_source.mkv", "o1/new_alpha.mkv")
    )
    assert (source[alpha == 255] != frames[alpha == 255]).mean() > 0.9


def test_a_removal_for_which_memory_does_not_suffice_has_failed_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **more: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("diffusers.WanTransformer3DModel.forward", full)
    save_inpainting(tmp_path / "casper"), save_wan_base(tmp_path / "wan")
    remover = network("rose", tmp_path / "casper", base=(tmp_path / "wan", "Apache-2.0"), steps=1)
    with pytest.warns(UserWarning, match="remove: memory does not suffice"):
        report = build_samples(setup(tmp_path, "", f"remove: {{network: {remover}}}"), tmp_path / "out")
    assert report.count("remove", "failed") == 1 and report.samples == 0


def test_a_network_s_licence_is_refused_before_any_work(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matter = network("vitmatte", folder, "CC-BY-NC-4.0")
    recipe = setup(tmp_path, "", f"matte: {{network: {matter}}}", "commercial: true")
    assert main(["data", "build", str(recipe), "--out", str(tmp_path / "out")]) == 2
    assert "CC-BY-NC-4.0 forbids commercial use" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_endpoint_that_is_gone_ends_the_build_and_costs_no_try(tmp_path: Path) -> None:
    with chat_endpoint(lambda body: answer(ADDED), models=("writer",)) as endpoint:
        recipe = setup(tmp_path, "", writer(endpoint.url).replace("writer,", "nobody,"))
        with pytest.raises(VeraError, match="has no model 'nobody'"):
            build_samples(recipe, tmp_path / "out")
        (path,) = Layout(tmp_path / "out").records("clip")
        record = read_record(path)
        assert record is not None and "o1/words" not in record.stages
        recipe.write_text(recipe.read_text().replace("nobody,", "writer,"), encoding="utf-8")
        assert build_samples(recipe, tmp_path / "out").samples == 1


def test_words_that_are_never_right_fail_with_the_reason(tmp_path: Path) -> None:
    with chat_endpoint(
        lambda body: answer({**ADDED, "instruction": "A ball, please do."}), models=("writer",)
    ) as endpoint:
        recipe = setup(tmp_path, "", writer(endpoint.url))
        with pytest.warns(UserWarning, match='does not begin with "Add "'):
            report = build_samples(recipe, tmp_path / "out")
        assert report.count("words", "failed") == 1
        assert len(endpoint.asked) == 3  # two complaints; three tries ask nothing twice


def test_refused_words_are_a_reason(tmp_path: Path) -> None:
    refusal = Said(200, {"choices": [{"message": {"refusal": "I cannot"}}]})
    with chat_endpoint(lambda body: refusal, models=("writer",)) as endpoint:
        report = build_samples(setup(tmp_path, "", writer(endpoint.url)), tmp_path / "out")
        assert report.rejected == {"words: words refused": 1}


def test_a_gpu_that_is_not_there_is_told(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    matter = network("vitmatte", folder).replace("cpu", "cuda")
    with pytest.raises(VeraError, match="matte: its model wants a GPU"):
        build_samples(setup(tmp_path, "", f"matte: {{network: {matter}}}"), tmp_path / "out")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("matte: {network: {path: nowhere, licence: MIT}}", "no folder with weights"),
        ("matte: {network: {path: hustvl/vitmatte-small-composition-1k, licence: MIT}}", "40 digits"),
        ("matte: {network: {path: a, licence: MIT, kind: other}}", "is one of vitmatte"),
        ("matte: {network: {path: a}}", "missing licence"),
        ("words: {network: {url: nowhere, name: a, licence: MIT}}", "is no URL"),
    ],
)
def test_bad_networks(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(VeraError, match=told):
        build_samples(setup(tmp_path, "", line), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_cannot_be_loaded_end_the_build_and_cost_no_try(tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights")
    recipe = setup(tmp_path, "", f"matte: {{network: {network('vitmatte', folder)}}}")
    for workers in (1, 2):
        with pytest.raises(VeraError, match=r"^matting model .* cannot be loaded"):
            build_samples(recipe, tmp_path / "out", workers=workers)
    (path,) = Layout(tmp_path / "out").records("clip")
    record = read_record(path)
    assert record is not None and "o1/masks" in record.stages and "o1/matte" not in record.stages
