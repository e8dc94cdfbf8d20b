"""Answered studies: raters who prefer the reference, raters who guess, raters whom the rules leave out."""

from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from vera.study.folder import DATABASE, open_study
from vera.study.store.answers import save_answer
from vera.study.store.connect import open_database
from vera.study.store.sessions import find_session, start_session
from vera.study.study import QUESTIONS, Item, Side, Trial
from vera.study.trials import draw_trials


def answer_study(folder: Path, raters: int, chance: float = 0.75, seed: int = 0, **record: float) -> Engine:
    """Answer all trials of so many raters, who choose the reference with a chance and see all catches."""
    study, _ = open_study(folder)
    items = {item.id: item for item in study.items}
    engine, rng = open_database(folder / DATABASE), np.random.default_rng(seed)
    for number in range(raters):
        start_session(engine, f"s{number}", f"code {number}", lambda slot: draw_trials(study, slot))
        session = find_session(engine, f"s{number}")
        assert session is not None
        for place, trial in enumerate(session.trials):
            item = items[trial.item]
            sides = {
                question: side_of(trial, item, item.baseline < 0 or rng.random() < chance) for question in QUESTIONS
            }
            save_answer(engine, session.id, place, f"{place}", sides, {"rt": 3000, "passes": 2} | record)
    return engine


def side_of(trial: Trial, item: Item, reference: bool) -> Side:
    """The side on which the reference's result stands, or the other one."""
    return "left" if trial.chose_reference("left", item) == reference else "right"
