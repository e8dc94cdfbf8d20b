"""The student of a model, which an edit takes by default: a few steps in place of many."""

from dataclasses import replace

from vera.errors import VeraError
from vera.pipelines.footage.settings import Sampling
from vera.pipelines.load import ModelChoice
from vera.presets import STUDENTS


def with_student(model: ModelChoice, sampling: Sampling, quality: bool) -> tuple[ModelChoice, Sampling]:
    """Choose the student of a model that has one, unless `quality`, a LoRA, steps or guidance are asked for.

    VeraError if `quality` is asked of a model that has none.
    """
    student = STUDENTS.get(model.name)
    if quality and student is None:
        raise VeraError(f"quality is for models with a faster student ({', '.join(STUDENTS)}), not {model.name}")
    own = bool(model.lora) or sampling.steps is not None or sampling.guidance is not None
    if student is None or quality or own:
        return model, sampling
    return replace(model, lora=(student.lora,)), replace(sampling, steps=student.steps, guidance=student.guidance)


def is_student(model: ModelChoice) -> bool:
    """Whether a model is loaded as its own student."""
    return model.name in STUDENTS and model.lora == (STUDENTS[model.name].lora,)
