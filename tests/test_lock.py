"""What `make` installs: every package pinned, with the SHA-256 of its files."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[1]
LISTS = (
    "constraints.txt",
    "constraints-docs.txt",
    "constraints-int8.txt",
    "constraints-ray.txt",
    "constraints-render.txt",
    "constraints-shots.txt",
)


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package in a list."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pinned = re.fullmatch(r"([\w.-]+)==([\w.+]+)( ;.*?)?((\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
            assert pinned is not None, line
            found[canonicalize_name(pinned[1])] = (pinned[2], pinned[4].count("sha256"))
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_package_is_pinned_with_its_sums(name: str) -> None:
    assert all(sums for _, sums in locked(name).values())


def test_what_the_project_declares_is_in_the_lists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    have = {name: version for one in LISTS for name, (version, _) in locked(one).items()}
    declared = [*project["project"]["dependencies"], *project["build-system"]["requires"], "pip"]
    declared += [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        if name not in ("torch", "vera-layers"):  # torch has many builds of one version; extras name extras of our own
            assert have[name] in requirement.specifier, requirement


def test_make_installs_only_from_the_lists() -> None:
    for line in (ROOT / "Makefile").read_text().replace("\\\n", " ").splitlines():
        if "pip install" in line and "build/lock" not in line:
            assert line.startswith("PIP :=") and "--only-binary :all:" in line
        if line.startswith("\t$(PIP)"):
            assert line in ("\t$(PIP) $(TORCH)", "\t$(PIP) --no-deps --no-build-isolation --editable .")
