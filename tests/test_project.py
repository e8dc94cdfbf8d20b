"""What the project says of itself: one version, files that fit, checks that are the same everywhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from tests.hygiene import faults

import vera

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_one_version() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/vera/_version.py"
    assert yaml.safe_load(text("CITATION.cff"))["version"] == vera.__version__
    assert f"\n## {vera.__version__}\n" in text("CHANGELOG.md")


def test_extras_are_of_our_distribution_and_exist() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    named = {
        match
        for name in tracked()
        if name.endswith((".py", ".md", ".yml", "Makefile")) and not name.startswith("tests/")
        for match in re.findall(r"""['" ]([\w-]*vera[\w-]*)\[(\w+)\]['" ]""", text(name))
    }
    assert named and all(distribution == PROJECT["project"]["name"] for distribution, _ in named)
    assert {extra for _, extra in named} <= set(extras)


def test_checks_call_targets_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    workflow = yaml.safe_load(text(".github/workflows/checks.yml"))
    runs = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    of_workflow = {word for run in runs if run.startswith("make ") for word in run.split()[1:]}
    of_ci = {
        word
        for line in re.findall(r"^make (.*?)(?: #.*)?$", text(".ci/run"), re.MULTILINE)
        for word in line.split()
        if not word.startswith("-")
    }
    assert of_ci < of_workflow <= targets


def test_the_page_of_examples_includes_all_scripts() -> None:
    """A formatter took the marks of inclusion for Python once, and the page showed them instead of the scripts."""
    included = re.findall(r'^--8<-- "(.*)"$', text("docs/examples.md"), re.MULTILINE)
    assert sorted(included) == sorted(name for name in tracked() if re.fullmatch(r"examples/\w+\.py", name))


def test_files_end_well_and_hold_no_marks_of_a_merge() -> None:
    assert not [fault for name in tracked() for fault in faults(ROOT / name)]


def test_hygiene_finds_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one \r\n<<<<<<< ours\ntwo")
    assert len(list(faults(path))) == 4
    command = [sys.executable, ROOT / "tests" / "hygiene.py", path]
    assert subprocess.run(command, capture_output=True).returncode == 1
    path.write_bytes(b"\xff\xfe \r\n")
    assert not list(faults(path)) and subprocess.run(command).returncode == 0
