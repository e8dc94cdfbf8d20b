"""A source is opened as a clip once, whoever asks, and its frames are read as often as is said."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vera.cli import main
from vera.pipelines import VeraPipeline
from vera.video import clip as clips
from vera.video.reader import FrameReader


def test_one_command_opens_its_source_once(
    make_pipeline: Callable[..., VeraPipeline],
    make_clip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames are read for the first one's tags, for the model, and for the result: no reading grows with the layers."""
    make_pipeline(window_frames=5, window_overlap=0).save_pretrained(tmp_path / "model")
    source = make_clip("a.mkv", 7, (64, 32))
    opened, read = Counter[str](), Counter[str]()
    open_clip, begin = clips.open_clip, FrameReader.__init__

    def counted_open(path: Any, **options: Any) -> Any:
        opened[Path(path).name] += 1
        return open_clip(path, **options)

    def counted_read(self: FrameReader, footage: Any) -> None:
        begin(self, footage)
        read[self.path.name] += 1

    for module in (clips, __import__("vera.video", fromlist=["open_clip"])):
        monkeypatch.setattr(module, "open_clip", counted_open)
    monkeypatch.setattr(FrameReader, "__init__", counted_read)
    options = ["--model", str(tmp_path / "model"), "--size", "32x16", "--layers", str(tmp_path / "layers")]
    assert main(["edit", str(source), "add a red balloon", "--out", str(tmp_path / "b.mkv"), *options]) == 0
    assert opened["a.mkv"] == 1
    assert read["a.mkv"] == 3
