"""An answer that costs nothing, for processes to import."""

from vera.evaluation.record import Record


def echo(case: int, candidate: str) -> Record:
    if case < 0:
        raise ValueError(f"no case {case}")
    return Record(case, "obj_add", candidate, {"value": case / 2})
