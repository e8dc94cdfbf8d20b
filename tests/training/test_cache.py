import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from tests.forks import SERVER
from tests.training.drawn import DrawnLayers, flow_fields, open_drawn, write_recipe

from vera.cli import main
from vera.data import sources
from vera.data.latents.dataset import ShardedLayers
from vera.data.latents.writer import Written
from vera.data.sample import BadSample, LayerData, LayeredSample
from vera.errors import VeraError
from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.models.fingerprint import fingerprint
from vera.training import load_recipe
from vera.training.batches import EVAL_STEP
from vera.training.cache import cache_data
from vera.training.run.loop import train
from vera.training.text import TextStates

COUNT = 12
LOSSES = ("loss", "edit", "alpha", "composite", "held_out/loss", "gradient_norm")


def quiet(line: str) -> None:
    pass


class Finite(DrawnLayers):
    """Eleven samples, of which the fifth is bad; two are held out."""

    def keys(self) -> list[tuple[int, ...]]:
        return [(index, 0, 0, 1) for index in range(2 if self.held_out else 11)]

    def load(self, key: tuple[int, ...]) -> LayeredSample:
        if key[0] == 4:
            raise BadSample("clip 4: torn")
        return super().load(key)


def open_finite(data: Mapping[str, Any], held_out: bool) -> Finite:
    return Finite(**data, held_out=held_out)


class AsCached:
    """What a cache of `DrawnLayers` draws, as clips."""

    def __init__(self, cache: Path, held_out: bool) -> None:
        self.layers = DrawnLayers(held_out=held_out)
        self.sharded = ShardedLayers(str(cache), held_out=held_out)
        start = EVAL_STEP if held_out else 0
        self.keys = [self.layers.draw(start + index, 1)[0] for index in range(len(self.sharded.keys()))]

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[tuple[int, ...]]:
        return [self.keys[number] for number in self.sharded.draw(step, batch_size, attempt)]

    def load(self, key: tuple[int, ...]) -> LayeredSample:
        return self.layers.load(key)


@pytest.fixture
def recipe(tmp_path: Path, tiny_model: Path) -> Path:
    fields = flow_fields(tiny_model) | {"steps": 6, "checkpoint_every": 6, "sample_every": 6, "workers": 1}
    fields["objective"] |= {"instruction_drop": 0.4, "mask_drop": 0.4}
    fields["sampling"] = {"count": 2, "steps": 1, "guidance": 2.0}
    return write_recipe(tmp_path, **fields)


def cached_recipe(recipe: Path, cache: Path, name: str = "cached", **changes: Any) -> Path:
    """The recipe, with the cache as its data."""
    path = recipe.with_name(f"{name}.yaml")
    fields = {
        "extends": recipe.name,
        "output": str(recipe.parent / name),
        "data": {"kind": "shards", "path": str(cache)},
    }
    path.write_text(yaml.safe_dump(fields | changes), encoding="utf-8")
    return path


def losses(run: Path) -> torch.Tensor:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return torch.tensor([value for row in rows for name, value in row.items() if name in LOSSES])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 2e-3)])
def test_training_from_a_cache_is_training_from_clips(
    tmp_path: Path, recipe: Path, dtype: torch.dtype, tolerance: float
) -> None:
    cache = tmp_path / "cache"
    written = cache_data(recipe, cache, COUNT, dtype=dtype, open_data=open_drawn, report=quiet)
    assert written == {"held_out": Written(2, 2, 0), "train": Written(COUNT, COUNT, 0)}
    assert len(set(ShardedLayers(str(cache)).reader.shapes)) == 2
    assert ShardedLayers(str(cache)).load(0).layers.dtype == dtype

    train(recipe, open_data=lambda data, held_out: AsCached(cache, held_out), report=quiet)
    train(cached_recipe(recipe, cache), report=quiet)
    from_clips, from_cache = losses(tmp_path / "run"), losses(tmp_path / "cached")
    assert len(from_clips) == 6 * 5 + 2
    torch.testing.assert_close(from_cache, from_clips, rtol=tolerance, atol=0)


def test_training_from_a_cache_needs_no_text_encoder(
    tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache_data(recipe, cache, 4, open_data=open_drawn, report=quiet)
    train(recipe, open_data=open_drawn, report=quiet)

    def loaded(self: TextStates) -> None:
        raise AssertionError("the text encoder was loaded")

    monkeypatch.setattr(TextStates, "networks", property(loaded))
    train(cached_recipe(recipe, cache), report=quiet)
    exports = [content(tmp_path / run / "ema") for run in ("run", "cached")]
    assert exports[0].keys() == exports[1].keys()
    for name in ("model_index.json", "text_encoder/model.safetensors", "tokenizer/tokenizer.json"):
        assert exports[0][name] == exports[1][name]


def test_a_finite_source_is_cached_whole_without_its_bad_samples(tmp_path: Path, recipe: Path) -> None:
    lines: list[str] = []
    cache = tmp_path / "cache"
    ticks: list[tuple[str, int, int]] = []
    written = cache_data(
        recipe, cache, open_data=open_finite, report=lines.append, progress=lambda *tick: ticks.append(tick)
    )
    assert written == {"held_out": Written(2, 2, 0), "train": Written(10, 10, 1)}
    assert lines == ["skipped  clip 4: torn"]
    assert ticks[0] == ("held_out", 0, 2) and ticks[-1] == ("train", 11, 11)
    source = ShardedLayers(str(cache))
    numbers = [index for index in range(11) if index != 4]
    for key, number in zip(source.keys(), numbers, strict=True):
        assert source.load(key).instruction == Finite().load((number, 0, 0, 1)).instruction
    held_out = ShardedLayers(str(cache), held_out=True).load(0)
    assert held_out.instruction == Finite(held_out=True).load((0, 0, 0, 1)).instruction
    assert torch.equal(source.empty_text, TextStates(*_text(recipe)).states(""))


def _text(recipe: Path) -> tuple[str, int, torch.device]:
    objective: Any = load_recipe(recipe).objective
    return objective.text_encoder, objective.max_sequence_length, torch.device("cpu")


def test_too_many_bad_samples_end_the_work(tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.training.batches.BAD_AT_FIRST", 1)
    with pytest.raises(
        VeraError, match=r"^data: 1 of 5 samples cannot be used, more than max_bad_share; the last: clip 4"
    ):
        cache_data(recipe, tmp_path / "cache", open_data=open_finite, report=quiet)


class Slow(DrawnLayers):
    def load(self, key: tuple[int, ...]) -> LayeredSample:
        time.sleep(0.05)
        return super().load(key)


def write(recipe: Path, out: Path, layers: type[DrawnLayers]) -> None:
    cache_data(recipe, out, 30, shard_samples=3, open_data=lambda data, held_out: layers(), report=quiet)


def test_a_killed_cache_goes_on(tmp_path: Path, recipe: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    write(recipe, whole, DrawnLayers)
    process = SERVER.Process(target=write, args=(recipe, killed, Slow))
    process.start()
    deadline = time.monotonic() + 120
    while len(list((killed / "train").glob("0*.tar"))) < 2:
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.002)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.join()
    assert workers and not psutil.wait_procs(workers, timeout=60)[1]
    assert not (killed / "train" / "index.json").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in (killed / "train").glob("0*.tar")}
    write(recipe, killed, DrawnLayers)
    assert content(killed) == content(whole)
    assert all((killed / "train" / name).stat().st_mtime_ns == when for name, when in kept.items())


def test_training_with_other_networks_is_refused(tmp_path: Path, recipe: Path, tiny_model: Path) -> None:
    cache = tmp_path / "cache"
    cache_data(recipe, cache, 2, open_data=open_drawn, report=quiet)
    torch.manual_seed(1)
    AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1).save_pretrained(tmp_path / "vae")
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    for part in ("tokenizer", "text_encoder"):
        (encoder / part).symlink_to(tiny_model / part)
    train(cached_recipe(recipe, cache, "moved", objective={"text_encoder": str(encoder)}), report=quiet)

    (encoder / "text_encoder").unlink()
    (encoder / "text_encoder").mkdir()
    config = json.loads((tiny_model / "text_encoder" / "config.json").read_text()) | {"num_hidden_layers": 2}
    (encoder / "text_encoder" / "config.json").write_text(json.dumps(config))
    objectives: dict[str, tuple[Any, str]] = {
        "autoencoder": (str(tmp_path / "vae"), "another autoencoder"),
        "text_encoder": (str(encoder), "another text encoder"),
        "max_sequence_length": (9, r"another max_sequence_length \(8, the recipe's is 9\)"),
    }
    for name, (value, words) in objectives.items():
        with pytest.raises(VeraError, match=rf"^data: .*cache was encoded with {words}.*; correct objective.{name} or"):
            train(cached_recipe(recipe, cache, "refused", objective={name: value}), report=quiet)
        with pytest.raises(VeraError, match=rf"holds a cache of other samples: encoders.{name} is "):
            cache_data(
                cached_recipe(recipe, cache, "refused", objective={name: value}, data={}),
                cache,
                2,
                open_data=open_drawn,
                report=quiet,
            )
    assert not (tmp_path / "refused").exists()


def test_an_autoencoder_is_known_by_its_weights_not_by_its_files(tmp_path: Path, tiny_model: Path) -> None:
    vae = AutoencoderPatch3D.from_pretrained(tiny_model / "vae")
    vae.save_pretrained(tmp_path, max_shard_size="2KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    again = AutoencoderPatch3D.from_pretrained(tmp_path)
    assert fingerprint(again) == fingerprint(vae)
    again.register_to_config(latents_mean=[1.0] * 8)
    assert fingerprint(again) != fingerprint(vae)


def test_what_cannot_be_cached(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "cache"
    with pytest.raises(VeraError, match=r"^data: this data has no end; say with --count how many samples to keep$"):
        cache_data(recipe, out, open_data=open_drawn)
    assert not out.exists()
    cache_data(recipe, out, 2, open_data=open_drawn, report=quiet)
    with pytest.raises(VeraError, match="data: holds latents already; cache the data of their clips"):
        cache_data(cached_recipe(recipe, out), tmp_path / "again")
    (tmp_path / "vae").mkdir()
    autoencoder = write_recipe(tmp_path / "vae")
    with pytest.raises(VeraError, match=r"recipe.yaml: autoencoder learns from clips; a cache is for layered_flow"):
        cache_data(autoencoder, tmp_path / "again")
    shards = cached_recipe(autoencoder, out)
    with pytest.raises(VeraError, match="an autoencoder is trained on frames, not on cached latents"):
        train(shards, report=quiet)


def test_caches_are_mixed(tmp_path: Path, recipe: Path) -> None:
    caches = [tmp_path / name for name in ("one", "two")]
    for side, cache in zip((32, 48), caches, strict=True):
        changed = recipe.with_name(f"{side}.yaml")
        changed.write_text(yaml.safe_dump({"extends": recipe.name, "data": {"side": side}}))
        cache_data(changed, cache, 3, open_data=open_drawn, report=quiet)
    parts = [{"kind": "shards", "path": str(cache), "weight": 1} for cache in caches]
    mixture = cached_recipe(recipe, caches[0], "mixed", data={"kind": "mixture", "parts": parts})
    train(mixture, report=quiet)
    source: LayerData = sources.open_layer_data(load_recipe(mixture).data, False)
    drawn = [source.load(key) for step in range(20) for key in source.draw(step, 1)]
    assert {sample.source.shape[-1] for sample in drawn} == {4, 6}  # type: ignore[union-attr]


def test_the_command(tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(sources.KINDS, "finite", "tests.training.test_cache:Finite")
    changed = yaml.safe_load(recipe.read_text(encoding="utf-8")) | {"data": {"kind": "finite"}}
    recipe.write_text(yaml.safe_dump(changed), encoding="utf-8")
    argv = ["data", "cache", str(recipe), "--out", str(tmp_path / "cache")]
    assert main([*argv, "--count", "3"]) == 0
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert "train 3, of them 3 new, 0 left out" in out
    assert "skipped  clip 4: torn" in out
    assert "(held_out 2, of them 0 new, 0 left out; train 10, of them 10 new, 1 left out)" in out
    assert main(["data", "cache", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "cache")]) == 2
    assert "no such recipe" in capsys.readouterr().err


def test_another_kind_takes_none_of_the_old_one_s_arguments(tmp_path: Path) -> None:
    base = write_recipe(tmp_path, data={"kind": "released", "path": "a", "frames": 9})
    kept = cached_recipe(base, tmp_path, "kept", data={"path": "b"})
    assert load_recipe(kept).data == {"kind": "released", "path": "b", "frames": 9}
    assert load_recipe(cached_recipe(base, tmp_path)).data == {"kind": "shards", "path": str(tmp_path)}
