"""Every example runs, and does what its first line says."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tests.clips import make_clip as draw_clip
from tests.conftest import ClipMaker
from tests.loras import adapt, save_adapter

from vera.layers import LayeredEdit, composite_clip, load_layers, save_layers, verify
from vera.models import VeraTransformer3DModel
from vera.pipelines import VeraPipeline
from vera.video import open_clip, planes

EXAMPLES = Path(__file__).parents[2] / "examples"
INSTRUCTION = "add a red balloon"


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def luma(path: Path) -> np.ndarray:
    with open_clip(path).frames() as reader:
        return np.stack([planes(frame)[0].copy() for frame in reader])


@pytest.fixture
def tiny_lora(tiny_model: Path, tmp_path: Path) -> Path:
    transformer = VeraTransformer3DModel.from_pretrained(tiny_model / "transformer")
    save_adapter(VeraPipeline, transformer, adapt(transformer), tmp_path / "lora")
    return tmp_path / "lora"


def test_edit_keeps_its_layers_and_its_promise(
    tmp_path: Path, make_clip: ClipMaker, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("edit").edit(str(make_clip("clip.mp4")), INSTRUCTION, str(tmp_path / "out.mp4"), str(tiny_model))
    assert "\n0 of " in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "out.mp4", "out.layers", "out.png"}


def test_batch_edits_each_clip_in_its_own_planes(tmp_path: Path, make_clip: ClipMaker, tiny_model: Path) -> None:
    clips = [make_clip(name, frames) for name, frames in (("a.mp4", 3), ("b.mp4", 5))]
    (tmp_path / "out").mkdir()
    load("batch").edit_all(INSTRUCTION, str(tmp_path / "out"), [str(clip) for clip in clips], str(tiny_model))
    for clip in clips:
        layers = load_layers(tmp_path / "out" / f"{clip.stem}.layers")
        report = verify(clip, tmp_path / "out" / clip.name, layers)
        assert report.changed == 0 and report.frames == len(layers.pts) == open_clip(clip).frame_count


def test_lora_by_strength(tmp_path: Path, make_clip: ClipMaker, tiny_model: Path, tiny_lora: Path) -> None:
    results = load("lora").compare(str(make_clip("c.mp4")), INSTRUCTION, str(tiny_lora), str(tmp_path), str(tiny_model))
    none, half, full = map(luma, results)
    assert not np.array_equal(none, half) and not np.array_equal(half, full)


def test_layerize_recovers_what_another_program_added(tmp_path: Path) -> None:
    source = draw_clip(tmp_path / "source.mp4", 3, (96, 64), pix_fmt="yuv444p")
    info = open_clip(source)
    alpha = np.zeros((3, 64, 96), np.uint16)
    alpha[:, 20:44, 30:60] = 65535
    red = np.broadcast_to(np.uint8([230, 20, 20]), (3, 64, 96, 3)).copy()
    composite_clip(source, LayeredEdit(red, alpha, info.pts, info.time_base), tmp_path / "edited.mp4")
    coverage = load("layerize").relayer(str(source), str(tmp_path / "edited.mp4"), str(tmp_path / "out.mp4"))
    assert abs(coverage - (alpha > 0).mean()) < 0.02


def test_nuke_gets_a_script_and_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = draw_clip(tmp_path / "source.mp4", 2)
    info = open_clip(source)
    alpha = np.full((2, 48, 64), 30000, np.uint16)
    edit = LayeredEdit(np.zeros((2, 48, 64, 3), np.uint8), alpha, info.pts, info.time_base)
    save_layers(edit, tmp_path / "layers")
    folder = load("nuke").export(str(tmp_path / "layers"), str(source), str(tmp_path / "out"))
    assert list(folder.glob("*.nk")) and "Nuke" in capsys.readouterr().out


@pytest.mark.slow
def test_train_makes_a_model_that_edits(tmp_path: Path, tiny_model: Path) -> None:
    model = load("train").run(str(tmp_path), steps=2, count=10, text_encoder=str(tiny_model))
    assert (model / "model_index.json").exists()
    assert open_clip(tmp_path / "edited.mp4").frame_count == open_clip(tmp_path / "new.mp4").frame_count


def test_the_notebook_runs_from_top_to_bottom(
    tmp_path: Path, make_clip: ClipMaker, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = json.loads((EXAMPLES / "layers.ipynb").read_text(encoding="utf-8"))["cells"]
    first, *others = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert [line.partition(" ")[0] for line in first.splitlines()[-4:]] == ["MODEL", "CLIP", "INSTRUCTION", "FOLDER"]
    clip = make_clip("clip.mp4", 9)
    names = {"MODEL": str(tiny_model), "CLIP": clip, "INSTRUCTION": INSTRUCTION, "FOLDER": tmp_path}
    for source in others:
        exec(compile(source, "layers.ipynb", "exec"), names)
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 of ")


def test_the_notebook_was_run_and_stays_small() -> None:
    path = EXAMPLES / "layers.ipynb"
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not any(output["output_type"] == "error" for cell in cells for output in cell["outputs"])
    assert path.stat().st_size < 400_000
