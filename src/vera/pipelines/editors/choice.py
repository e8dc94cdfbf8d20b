"""Which model does what, said in a line."""

from vera.pipelines.editors.known import find_known
from vera.pipelines.editors.table import adapter_class


def describe_vera(model: str, instruction: str, student: bool = False) -> str:
    """Say which model draws layers, or that its student does, and for which of the data set's tasks."""
    fast = ", by its fast student (--quality takes the model itself)" if student else ""
    return f"{model}, which draws layers itself{fast}; task {task_of(instruction)}"


def describe_editor(model: str, pipeline: str, terms: str) -> str:
    """Say which editor draws what, of which layers are made, and on which terms."""
    kind, known = adapter_class(pipeline, f"model {model}"), find_known(model)
    name = model if known is None or model == known.name else f"{model} ({known.name})"
    what = "edits one frame, carried along as a layer" if kind.STILL else "edits frames, made into layers"
    barred = ", not for commercial use" if known is not None and known.noncommercial else ""
    return f"{name}, {kind.PIPELINE}: {what}; licence {terms}{barred}"


def task_of(instruction: str) -> str:
    """The task that an instruction of one of the data set's two kinds asks for."""
    return "background_replace" if "background" in instruction.lower() else "obj_add"
