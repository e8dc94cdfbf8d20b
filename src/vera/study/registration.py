"""The preregistration: what is asked, how it is answered and what is left out, written before anybody is asked."""

from typing import Any

import msgspec

from vera.markdown import markdown_text
from vera.study.folder import HASH, registration_hash, sha256, struct_text
from vera.study.study import QUESTIONS, Key, Question, Study

WORDING: dict[Question, str] = {
    "preservation": "Which one keeps better what should not change?",
    "compliance": "Which one follows the instruction better?",
    "quality": "Which video looks better?",
}
LEVEL = 0.05
PRIMARY = (
    "Sign-flip test by rater, two-sided, exact: were nobody to prefer either, each rater's wins minus losses could as "
    "well have the other sign. Answers to pairs only, without catches and repeats. Corrected by Holm over all "
    "baselines and questions; a hypothesis holds if its corrected p is at most 0.05."
)
SECONDARY = (
    "share of wins with the 95 % interval of Wilson by rater, and that of the bootstrap of raters",
    "exact binomial test of wins, as published, corrected by Holm",
    "Bradley-Terry by rater: how much better the reference is than each baseline, in logits",
    "Krippendorff's alpha between raters, of each question",
    "consistency: share of repeats in which a rater chose the same method again",
    "the first three by task, where there are several",
)


def registration_of(study: Study, key: Key) -> dict[str, Any]:
    """Return what is registered, as JSON values, with its hash."""
    found: dict[str, Any] = {
        "study": study.id,
        "created": study.created,
        "title": study.texts.title,
        "reference": key.reference,
        "baselines": list(key.baselines),
        "hypotheses": [
            f"{question}: raters prefer {key.reference} to {other} in more, or in less, than half of their choices"
            for other in key.baselines
            for question in QUESTIONS
        ],
        "questions": WORDING,
        "design": msgspec.to_builtins(study.design),
        "cases": [[item.case, item.task, item.instruction] for item in study.items if item.baseline == 0],
        "catch_cases": [item.case for item in study.items if item.baseline < 0],
        "exclusions": exclusions_of(study),
        "primary": PRIMARY,
        "level": LEVEL,
        "secondary": list(SECONDARY),
        "seed": study.seed,
        "study_sha256": sha256(struct_text(study).encode()),
        "key_sha256": sha256(struct_text(key).encode()),
    }
    return found | {HASH: registration_hash(found)}


def exclusions_of(study: Study) -> list[str]:
    """Say in words whose answers are left out."""
    design, rules = study.design, study.design.rules
    return [
        f"at least {rules.missed} of {design.catches} catches missed: the damaged result was chosen for preservation "
        "or for quality",
        f"more than {rules.side:.0%} of the answers to pairs on one side, by chance with a p below {rules.side_p:g}",
        "median time to decide, from a trial's beginning, shorter than the clips' median length",
        f"fewer than {rules.done:.0%} of the trials done",
    ]


def registration_text(found: dict[str, Any]) -> str:
    """Write a registration as Markdown."""
    design = found["design"]
    parts = [
        f"# Preregistration: {markdown_text(found['title'])}",
        f"Study `{found['study']}`, made on {found['created']}, before any answer.",
        f"**Compared**: {markdown_text(found['reference'])} with each of "
        f"{', '.join(map(markdown_text, found['baselines']))}.",
        "**Questions**, each a forced choice of one of two results: "
        + "; ".join(f"{name}: *{text}*" for name, text in found["questions"].items()),
        "## Hypotheses",
        _list(map(markdown_text, found["hypotheses"])),
        "## Design",
        f"{design['raters']} raters are planned. Each meets {design['trials']} pairs of different cases, in balanced "
        f"incomplete blocks over {len(found['cases'])} cases and {len(found['baselines'])} baselines, "
        f"{design['catches']} catches (a result beside its damaged self) and {design['repeats']} of the pairs again "
        "with sides swapped. Order and sides are drawn by the rater's seed; within each rater "
        "the reference is on either side equally often, or "
        "once more on one of them where the pairs are odd. Methods have no names; difference heat maps are shown on "
        "demand.",
        "## Left out",
        "Reported with and without; decided by these rules alone:",
        _list(found["exclusions"]),
        "## Primary analysis",
        found["primary"],
        "## Secondary analyses",
        _list(found["secondary"]),
        "Everything else is exploratory, and is labelled so.",
        "## Cases",
        _list(
            markdown_text(f"{case} ({task or 'no task'}): {instruction}") for case, task, instruction in found["cases"]
        ),
        f"Catches are of {', '.join(map(markdown_text, found['catch_cases'])) or 'no case'}. Seed {found['seed']}.",
        f"SHA-256 of this registration (`preregistration.json`): `{found[HASH]}`",
    ]
    return "\n\n".join(parts) + "\n"


def _list(lines: Any) -> str:
    return "\n".join(f"* {line}" for line in lines)
