"""The module in a model folder by which diffusers, which knows no class of other packages, finds the pipeline's."""

import json
from pathlib import Path
from typing import Any

CODE = "pipeline"
CLASS = "VeraPipeline"
_TEXT = '''"""This model's pipeline for `DiffusionPipeline.from_pretrained(..., trust_remote_code=True)`.

The code itself is in the package vera, which must be installed.
"""

from vera.pipelines.remote import VeraPipeline

__all__ = ["VeraPipeline"]
'''


class FolderCode:
    """Mixin before `DiffusionPipeline`: saved folders hold the module, and this class loads them without it."""

    @classmethod
    def load_config(cls, *args: Any, **kwargs: Any) -> Any:
        """Read a config as diffusers does; this class needs none of the code that the folder holds for diffusers."""
        loaded = super().load_config(*args, **kwargs)  # type: ignore[misc]
        index = loaded[0] if isinstance(loaded, tuple) else loaded
        if isinstance(index.get("_class_name"), list | tuple):
            index["_class_name"] = index["_class_name"][-1]
        return loaded

    def to_json_string(self) -> str:
        """Write the config as JSON; the class with the module in the folder where `DiffusionPipeline` finds it."""
        index = json.loads(super().to_json_string())  # type: ignore[misc]
        return json.dumps(index | {"_class_name": [CODE, CLASS]}, indent=2, sort_keys=True) + "\n"

    def save_config(self, save_directory: Any, *args: Any, **kwargs: Any) -> None:
        """Write model_index.json and beside it the module that it names."""
        super().save_config(save_directory, *args, **kwargs)  # type: ignore[misc]
        write_code(Path(save_directory))


def write_code(folder: Path) -> None:
    """Write the module that model_index.json names as the class's home."""
    (folder / f"{CODE}.py").write_text(_TEXT, encoding="utf-8")
