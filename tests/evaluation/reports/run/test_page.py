"""The page: what it says, that it asks for nothing from elsewhere, and that no text of a stranger becomes markup."""

import csv
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_run import make_run, rewrite

from vera.errors import VeraError
from vera.evaluation.reports.run.write import write_run_report

EVIL = """</script><script>alert(1)</script><img src=x onerror=alert(1)>'"{{ 7*7 }}{% raw %}"""


class Page(HTMLParser):
    """Tags with their attributes, and all text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style"):
            self.words += data

    def said(self) -> str:
        return " ".join(self.words.split())


@pytest.fixture(autouse=True)
def no_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels take seconds each, and the report that all tests share has them."""
    monkeypatch.setattr("vera.evaluation.reports.run.write.PANELS", 0)


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text("utf-8"))


def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_the_page_has_the_numbers_of_the_csv(reported: Path) -> None:
    said = page_of(reported).said()
    with (reported / "report.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] == "psnr_preserved"]
    assert len(rows) == 6
    for row in rows:
        assert f"{float(row['mean']):.1f}" in said
    assert "no weights of LPIPS; name them with --lpips" in said
    assert "alpha" in said and "published" in said and "street run" in said
    assert "Add a red ball that rolls to the right" in said


def test_nothing_is_asked_from_elsewhere(reported: Path) -> None:
    text = (reported / "report.html").read_text("utf-8")
    page = Page(text)
    for _, attributes in page.tags:
        for name in ("src", "href", "poster", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))
        assert not any(name == "style" or name.startswith("on") for name in attributes)
    assert not re.findall(r"https?:|//[a-z]|@import|url\(", re.sub(r"data:[^\"]*|//.*", "", text))
    (policy,) = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_a_case_has_all_it_needs_without_a_script(reported: Path) -> None:
    tags = page_of(reported).tags
    videos = [attributes for tag, attributes in tags if tag == "video"]
    assert len(videos) == 6 and all("controls" in one and one["preload"] == "none" for one in videos)
    assert sum(tag == "img" and "still" in (one.get("class") or "") for tag, one in tags) == 6


def test_no_text_of_a_stranger_becomes_markup(made: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path)
    evil_method = f"shifted {EVIL}"

    def evil(row: dict[str, Any]) -> dict[str, Any]:
        method = evil_method if row["method"] == "shifted" else row["method"]
        return row | {"case": row["case"] + EVIL, "method": method}

    rewrite(run / "edits.jsonl", lambda row: evil(row) | {"instruction": EVIL})
    strange = {"skipped": {EVIL: EVIL}}
    rewrite(
        run / "records.jsonl",
        lambda row: evil(row) | strange | {"measures": row["measures"] | {f"own {EVIL}": 1.0}},
    )
    for path in (run / "judged/verdicts").iterdir():
        rewrite(path, lambda row: evil(row) | {"judge": row["judge"] + EVIL})
    out = tmp_path / "out"
    write_run_report(run, out)
    page = page_of(out)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not any(attributes.get("src") == "x" for _, attributes in page.tags)
    assert "{{ 7*7 }}" in page.said()
    assert " ".join(EVIL.split()) in page.said()
    (places, *_) = [a["data-names"] for tag, a in page.tags if a.get("data-names")]
    assert json.loads(places or "")[-1] == evil_method


def test_one_method_one_case_no_judges(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", cases=1, judges=0)
    for name in ("records.jsonl", "edits.jsonl"):
        rewrite(run / name, lambda row: row if row["method"] == "layers" else None)
    write_run_report(run, tmp_path / "out")
    said = page_of(tmp_path / "out").said()
    assert "there is one method, and nothing to compare it with" in said
    assert "no judge has scored this run" in said
    assert "1 case" in said and "1 cases" not in said


def test_eight_methods(made: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path)
    for name in ("records.jsonl", "edits.jsonl"):
        rows = [json.loads(line) for line in (run / name).read_text("utf-8").splitlines() if "street-0" in line]
        copies = [row | {"method": f"{row['method']} {number}"} for number in range(3) for row in rows][:8]
        (run / name).write_text("".join(json.dumps(row) + "\n" for row in copies), "utf-8")
    write_run_report(run, tmp_path / "out")
    page = page_of(tmp_path / "out")
    (places,) = [json.loads(a["data-places"] or "") for _, a in page.tags if a.get("data-places")]
    assert len(places) == 9 and len({tuple(place) for place in places}) == 9


def test_what_is_gone_is_told_and_the_rest_is_shown(made: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path)
    (run / "edits/recoded/street-0/result.mp4").unlink()
    (run / "edits/recoded/street-2/result.mp4").write_bytes(b"no video")
    (run / "clips/street-1.mp4").unlink()
    (run / "clips/street-3-preserved.mkv").unlink()
    rewrite(run / "edits.jsonl", lambda row: None if row["case"] == "street-5" else row)
    written = write_run_report(run, tmp_path / "out")
    assert (written.without_clips, written.cases) == (2, 6)
    said = page_of(tmp_path / "out").said()
    assert "recoded: not available" in said
    assert "Clips: not available (clips/street-1.mp4" in said
    assert "Clips: not available (edits.jsonl does not list it)" in said
    assert "The preserved region is not known" in said
    assert str(tmp_path) not in html.unescape((tmp_path / "out/report.html").read_text("utf-8"))


def test_a_run_without_a_list_of_edits(made: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path)
    (run / "edits.jsonl").unlink()
    written = write_run_report(run, tmp_path / "out")
    assert written.without_clips == written.cases == 6


def test_a_report_takes_the_place_of_the_former_and_of_nothing_else(made: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path)
    first = write_run_report(run, run / "report").page.read_bytes()
    (run / "report/notes.txt").write_text("mine")
    assert write_run_report(run, run / "report").page.read_bytes() == first  # the same run, the same bytes
    assert (run / "report/notes.txt").read_text() == "mine"
    assert not list((run / "report").glob("former*"))
    with pytest.raises(VeraError, match="choose another folder"):
        write_run_report(run, run)
    assert (run / "records.jsonl").is_file()


def test_a_report_replaces_no_file_that_none_wrote(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    (out / "figures").mkdir(parents=True)
    for name in ("figures/mine.pdf", "report.tex"):
        (out / name).write_text("mine")
    write_run_report(made, out)
    with (out / "cases.csv").open("a") as file:
        file.write("a note")
    write_run_report(made, out)
    assert [(out / name).read_text() for name in ("figures/mine.pdf", "former report.tex")] == ["mine"] * 2
    assert (out / "former cases.csv").read_text().endswith("a note")
    assert len(list(out.rglob("former*"))) == 2


def test_a_reference_that_is_not_there_is_told(made: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="has no method 'vera'; there are layers, recoded, shifted"):
        write_run_report(made, tmp_path / "out", "vera")


def test_figures_are_pictures_and_pages(reported: Path) -> None:
    names = {path.name for path in (reported / "figures").iterdir()}
    for task in ("obj_add", "background_replace"):
        for name in ("intervals", "pairs"):
            assert {f"{name}-{task}.png", f"{name}-{task}.pdf"} <= names
        assert {f"panel-{task}-{number}.pdf" for number in (1, 2)} <= names
    for path in (reported / "figures").iterdir():
        head = {".png": b"\x89PNG", ".pdf": b"%PDF"}[path.suffix]
        assert path.read_bytes().startswith(head) and path.stat().st_size > 2000
