"""Loading that refuses weights which do not fit; diffusers warns of them, fills in random numbers and goes on."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from vera.errors import VeraError


class CompleteWeights:
    """Mixin before `ModelMixin`: `from_pretrained` takes a checkpoint with exactly the model's weights, or VeraError.

    A class names `ModelMixin` itself: diffusers' pipelines look for it in the class's own module.
    """

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | PathLike[str], **kwargs: Any) -> Any:
        """Load as diffusers does, but refuse weights that lack or exceed the model's."""
        with_info = kwargs.pop("output_loading_info", False)
        model, info = super().from_pretrained(  # type: ignore[misc]  # ModelMixin's
            pretrained_model_name_or_path, output_loading_info=True, **kwargs
        )
        check_complete(info, pretrained_model_name_or_path, "transformer")
        return (model, info) if with_info else model

    @classmethod
    def from_single_file(cls, pretrained_model_link_or_path_or_dict: Any, **kwargs: Any) -> Any:
        """Raise VeraError: what Wan's classes inherit for this asks the hub for another model's configuration."""
        raise VeraError(f"{cls.__name__} is loaded from a folder: `vera init --base FILE --out FOLDER` makes one")


def check_complete(info: Mapping[str, Any], where: str | PathLike[str], part: str) -> None:
    """VeraError if diffusers' loading `info` tells of weights that are missing or too many."""
    for problem in ("missing", "unexpected"):
        if keys := info[f"{problem}_keys"]:
            raise VeraError(
                f"{where}: {len(keys)} {problem} weights in the {part} (first: "
                f"{sorted(keys)[0]}): the checkpoint is incomplete or of another model; fetch or convert it again"
            )
