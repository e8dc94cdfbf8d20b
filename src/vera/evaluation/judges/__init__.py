"""How good edits look to vision-language models: composition quality and instruction satisfaction, 1 to 5."""

from vera.evaluation.judges.cases import JudgedCase, read_judged_cases
from vera.evaluation.judges.judge import Judge, Verdict
from vera.evaluation.judges.run import judge_cases
from vera.evaluation.judges.table import judge_table, summarize_judges
from vera.evaluation.judges.vlm_judge import Shown, VlmJudge

__all__ = [
    "Judge",
    "JudgedCase",
    "Shown",
    "Verdict",
    "VlmJudge",
    "judge_cases",
    "judge_table",
    "read_judged_cases",
    "summarize_judges",
]
