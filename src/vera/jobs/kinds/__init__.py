"""Kinds of job: what a worker does for each, by import path, imported where it runs."""

# A kind is `run(spec: dict, work: vera.jobs.work.Work) -> dict`: the result, as JSON takes it.
KINDS: dict[str, str] = {
    name: f"vera.jobs.kinds.{name}:run"
    for name in ("proxy", "take_proxy", "edit", "layerize", "composite", "export", "verify")
}
