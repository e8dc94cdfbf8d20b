"""Tables and sheets: what they show of given records."""

from pathlib import Path

import numpy as np
from PIL import Image

from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.strip import save_picture
from vera.evaluation.reports.report import verdict
from vera.evaluation.reports.sheet import MISS, Entry, write_case_sheet
from vera.evaluation.reports.table import curves, markdown, summarize

RECORDS = [
    Record("0", "obj_add", "model", {"object_top1": 1.0, "psnr_preserved": 30.0, "preserved": 100, "changed": 0}),
    Record("2", "obj_add", "model", {"object_top1": 0.0, "psnr_preserved": 40.0, "preserved": 20, "changed": 3}),
    Record("0", "obj_add", "truth", {"object_top1": 1.0, "psnr_preserved": 100.0, "preserved": 100, "changed": 0}),
    Record("1", "background_replace", "model", {"iou": 0.5, "preserved": 1, "changed": 0}),
]


def test_means_by_task_method_and_measure() -> None:
    summary = summarize(RECORDS)
    assert summary["obj_add"]["model"]["psnr_preserved"].mean == 35
    assert summary["obj_add"]["model"]["object_top1"].count == 2
    assert set(summary["background_replace"]) == {"model"}


def test_a_row_a_measure_and_a_column_a_method() -> None:
    text = markdown(RECORDS, ["model", "truth"])
    assert "| measure | target | model | truth |" in text
    assert "| object hit, top 1 (%) ↑ | 60 | 50.0 [0.0, 100.0] | 100.0 [100.0, 100.0] |" in text
    assert "Object addition, 2 cases" in text and "Background replacement, 1 cases" in text
    assert "place hit" not in text  # nobody measured it
    assert "model: of 121 samples in its own preserved region (alpha 0) 3 changed." in text


def test_a_row_a_setting() -> None:
    text = curves([record for record in RECORDS if record.task == "obj_add"], ["model", "truth"])
    assert "| model | 35.0 ±5.0 | 50.0 ±50.0 |" in text
    assert "| truth | 100.0 ±0.0 | 100.0 ±0.0 |" in text


def test_verdicts() -> None:
    assert verdict({"object_top1": 1.0, "place_hit": 0.0}) == ("object hit, place missed", True)
    assert verdict({"iou": 0.95, "scene_top1": 1.0}) == ("background hit, matte IoU 0.95", False)


def test_a_sheet_holds_every_entry_and_marks_misses(tmp_path: Path) -> None:
    strip = np.full((20, 60, 3), (0, 0, 255), np.uint8)
    save_picture(tmp_path / "strip.jpg", strip)
    entries = [Entry(tmp_path / "strip.jpg", f"add thing {i}", "object missed", miss=i == 0) for i in range(3)]
    write_case_sheet(tmp_path / "sheet.jpg", entries)
    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg")).astype(int)
    blue = (np.abs(sheet - (0, 0, 255)) < 60).all(axis=-1).sum()
    assert abs(blue - 3 * strip[..., 0].size) < 0.05 * blue
    red = (np.abs(sheet - MISS) < 60).all(axis=-1)
    top, left = sheet.shape[0] // 2, sheet.shape[1] // 2
    assert red[:top, :left].any() and not red[:top, left:].any() and not red[top:].any()
