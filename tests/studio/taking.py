"""Takes for tests: layers brought in from a folder, their proxies made."""

from pathlib import Path

from tests.studio.house import House

from vera.studio.bringing import bring_layers


def bring(house: House, project: str, layers: Path) -> str:
    """Bring layers into a project and return the take's id."""
    take = bring_layers(house.studio, project, layers).id
    (job,) = house.work("take_proxy")
    assert job.state == "done", job.error
    return take
