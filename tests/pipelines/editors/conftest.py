"""Folders of tiny editors, each made once for all tests."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import diffusers
import pytest
from tests.pipelines.editors.tiny import make

from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.loading import load_editor
from vera.pipelines.editors.table import adapter_class

UNSAVED = ("QwenImageEditPipeline", "QwenImageEditPlusPipeline")  # whose processor cannot be made without torchvision


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give `saved(pipeline)`: the folder of a tiny pipeline of this class."""
    folders: dict[str, Path] = {}

    def save(pipeline: str) -> Path:
        if pipeline not in folders:
            folders[pipeline] = tmp_path_factory.mktemp("editor") / pipeline
            make(pipeline).save_pretrained(folders[pipeline])
        return folders[pipeline]

    return save


@pytest.fixture
def opened(saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Adapter]:
    """Give `opened(pipeline)`: the adapter of a tiny pipeline that was saved and loaded, where it can be saved."""

    def load(pipeline: str) -> Adapter:
        kind = adapter_class(pipeline, "test")
        if pipeline in UNSAVED:  # whatever the size of a frame, they enlarge it to a million pixels
            module = import_module(getattr(diffusers, pipeline).__module__)
            shape = (64, 64, None) if pipeline == "QwenImageEditPipeline" else (64, 64)
            monkeypatch.setattr(module, "calculate_dimensions", lambda area, aspect: shape)
        monkeypatch.setattr(kind, "NEEDS_LORA", None)
        if pipeline in UNSAVED:
            return kind(make(pipeline))
        return load_editor(str(saved(pipeline)), "cpu", "float32")

    return load
