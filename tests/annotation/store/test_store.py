"""Tasks and leases: each task once, overlaps twice, nothing lost, by no clock but the server's."""

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vera.annotation.log import DecisionLog
from vera.annotation.server.progress import read_progress
from vera.annotation.store.answers import adopt, answered_tasks, find_pair, finish, reopen, settle_all, void_answers
from vera.annotation.store.events import events_of, save_event
from vera.annotation.store.leases import Lease, claim, find_lease, give_back, keep, seconds_left
from vera.annotation.store.store import Gate, Store, make_rules
from vera.annotation.store.tasks import NewTask, add_gold, retire_tasks, set_tasks
from vera.construction.decisions import held_decisions, read_decisions
from vera.errors import VeraError
from vera.resumable import read_rows
from vera.service.errors import ConflictError, MissingError

YES, NO = {"accept": True}, {"accept": False, "reason": "ghost"}


def clips(count: int) -> list[NewTask]:
    return [NewTask("filter", f"{number:016x}", "o1") for number in range(count)]


def same(gate: Gate, clip: str, one: Any, other: Any) -> float:
    return float(one["accept"] == other["accept"])


def anything(held: object) -> None:
    return None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Store]:
    def make(**rules: float) -> Store:
        return Store(tmp_path / "a.sqlite", make_rules(**{"overlap": 0.0, "gold": 0.0, **rules}))

    return make


def test_each_task_goes_to_one_person_and_an_overlap_to_two(tmp_path: Path, opened: Callable[..., Store]) -> None:
    store = opened(overlap=0.1)
    assert set_tasks(store, clips(200)) == 200
    taken: dict[int, list[str]] = {}
    people = [f"p{number}" for number in range(8)]
    while people:
        for person in list(people):
            lease = claim(store, person, "filter")
            if lease is None:
                people.remove(person)
                continue
            taken.setdefault(lease.task, []).append(person)
            finish(store, lease.id, YES)
    wanted = {row["number"]: row["wanted"] for row in store.rows("SELECT number, wanted FROM tasks")}
    assert {task: len(names) for task, names in taken.items()} == wanted
    assert all(len(set(names)) == len(names) for names in taken.values())
    assert 10 <= sum(count == 2 for count in wanted.values()) <= 32  # a tenth of 200, by a hash


def test_who_comes_back_has_their_task_and_their_draft(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0, lease=900), clock)
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None and claim(store, "anna", "filter") == lease and claim(store, "ben", "filter") is None
    save_event(store, lease.id, 0, {"kind": "undo"}, anything)
    clock.now = 899
    keep(store, lease.id)
    clock.now = 1700
    assert claim(store, "ben", "filter") is None
    assert seconds_left(store, lease) == pytest.approx(99)
    clock.now = 1900  # nobody wanted it: what she does is still kept
    save_event(store, lease.id, 1, {"kind": "redo"}, anything)
    clock.now = 3000
    other = claim(store, "ben", "filter")
    assert other is not None and other.task == lease.task and not events_of(store, other.number)
    with pytest.raises(ConflictError, match="somebody else has it"):
        save_event(store, lease.id, 2, {"kind": "undo"}, anything)
    with pytest.raises(ConflictError, match="somebody else has it"):
        finish(store, lease.id, YES)
    give_back(store, other.id)
    again = claim(store, "anna", "filter")
    assert again is not None and again.id == lease.id and len(events_of(store, again.number)) == 2


@pytest.mark.parametrize("jump", [-1e9, -3600.0, 3600.0, 1e9])
def test_no_clock_but_the_servers_own_ends_a_lease(tmp_path: Path, jump: float) -> None:
    clock, wall = Clock(), Clock()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0), clock, wall)
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None
    wall.now += jump  # somebody sets the machine's clock, or a page of another machine thinks it is another day
    clock.now += 10
    assert claim(store, "ben", "filter") is None
    assert seconds_left(store, lease) == pytest.approx(890)
    store.close()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0), Clock(), wall)  # begins at 0 anew
    assert claim(store, "ben", "filter") is None
    assert seconds_left(store, lease) == pytest.approx(900)


def test_events_are_kept_once_and_in_order(opened: Callable[..., Store]) -> None:
    store = opened()
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None
    for _ in range(2):  # the answer was lost, and the page sends it again
        save_event(store, lease.id, 0, {"kind": "noun", "noun": "cat"}, anything)
    for seq, event in ((0, {"kind": "noun", "noun": "dog"}), (2, {"kind": "undo"})):
        with pytest.raises(ConflictError, match="another tab"):
            save_event(store, lease.id, seq, event, anything)
    assert [dict(event) for event in events_of(store, lease.number)] == [{"kind": "noun", "noun": "cat"}]
    with pytest.raises(MissingError):
        save_event(store, "x" * 22, 0, {"kind": "undo"}, anything)


def test_too_many_events_are_told(opened: Callable[..., Store]) -> None:
    store = opened(most_events=3)
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None
    for seq in range(3):
        save_event(store, lease.id, seq, {"kind": "undo"}, anything)
    with pytest.raises(ConflictError, match="3 steps are the most"):
        save_event(store, lease.id, 3, {"kind": "undo"}, anything)
    assert finish(store, lease.id, YES).state == "done"


def test_who_disagrees_is_decided_by_a_third(tmp_path: Path, opened: Callable[..., Store]) -> None:
    store, log = opened(overlap=1.0), DecisionLog(tmp_path / "decisions")
    set_tasks(store, clips(2))
    for person, said in (("anna", YES), ("ben", NO)):
        lease = claim(store, person, "filter")
        assert lease is not None and lease.task == 1
        finish(store, lease.id, said)
    for person in ("anna", "ben"):
        lease = claim(store, person, "filter")
        assert lease is not None and lease.task == 2
        finish(store, lease.id, NO)
    assert log.write_settled(store) == 0
    settle_all(store, same)
    assert log.write_settled(store) == 1
    assert claim(store, "anna", None, "adjudicate") is None  # who answered does not decide
    lease = claim(store, "carl", None, "adjudicate")
    assert lease is not None and lease.task == 1 and claim(store, "dora", None, "adjudicate") is None
    pair = find_pair(store, lease.task)
    assert pair is not None and pair.answers == (YES, NO)
    adopt(store, lease.id, pair, 1)
    assert log.write_settled(store) == 1
    rows = [row for path in held_decisions(tmp_path / "decisions") for row in read_rows(path)]
    assert [(row["clip"][-1], row["by"], row["accept"]) for row in rows] == [("1", "anna", False), ("0", "carl", False)]


@pytest.mark.faults
@pytest.mark.parametrize("second", [YES, NO])
def test_answers_of_what_was_made_anew_are_void_and_no_pair(opened: Callable[..., Store], second: Any) -> None:
    store = opened(overlap=1.0)
    set_tasks(store, clips(1))
    (name,) = (task.id for task in clips(1))
    held = {}
    for person, said in (("anna", {**YES, "of": {"remove": "a"}}), ("ben", {**second, "of": {"remove": "b"}})):
        lease = claim(store, person, "filter")
        assert lease is not None
        held[person] = finish(store, lease.id, said)
    settle_all(store, same)
    assert find_pair(store, held["ben"].task) is None and claim(store, "carl", None, "adjudicate") is None
    assert answered_tasks(store) == {name}
    assert void_answers(store, name, {"remove": "b"}) == 1 and void_answers(store, name, {"remove": "b"}) == 0
    again = claim(store, "anna", "filter")
    assert again is not None and again.id == held["anna"].id
    finish(store, again.id, {**NO, "of": {"remove": "b"}})
    settle_all(store, same)
    adjudicating = claim(store, "carl", None, "adjudicate")
    assert (adjudicating is None) == (second == NO)
    if adjudicating is not None:  # they differ, until that is made anew, too
        assert void_answers(store, name, {"remove": "c"}) == 2
        with pytest.raises(ConflictError):
            keep(store, adjudicating.id)
        assert claim(store, "ben", "filter") is not None and claim(store, "anna", "filter") is not None


def test_answers_that_say_more_and_less_of_one_thing_are_a_pair(opened: Callable[..., Store]) -> None:
    """Who takes a proposal says of which; who clicks need not."""
    store = opened(overlap=1.0)
    set_tasks(store, clips(1))
    for person, of in (("anna", {"proxy": "a", "propose": "b"}), ("ben", {"proxy": "a"})):
        lease = claim(store, person, "filter")
        assert lease is not None
        finish(store, lease.id, {**YES, "of": of})
    assert find_pair(store, 1) is not None


@pytest.mark.faults
def test_what_cannot_be_compared_is_decided_by_a_third_and_stops_no_other(opened: Callable[..., Store]) -> None:
    store = opened(overlap=1.0)
    set_tasks(store, clips(3))
    for person in ("anna", "ben"):
        for _ in range(3):
            held = claim(store, person, "filter")
            assert held is not None
            finish(store, held.id, YES)
    add_gold(store, [NewTask("filter", "gold0", "o1", YES)])
    own = "(id, task, person, role, state, began, answer) VALUES ('g', 4, 'anna', 'work', 'done', 0, '{}')"
    store.rows(f"INSERT INTO leases {own}")
    errors = iter([MissingError("gone"), VeraError("of another size"), IndexError("no proposal 3"), None])

    def fail_but_once(gate: Gate, clip: str, one: Any, other: Any) -> float:
        if (error := next(errors)) is not None:
            raise error
        return 1.0

    settle_all(store, fail_but_once)
    states = [row["state"] for row in store.rows("SELECT state FROM tasks ORDER BY number")]
    assert states == ["disputed", "disputed", "settled", "open"]
    assert store.row("SELECT score FROM leases WHERE id = 'g'")["score"] is None  # type: ignore[index]


def test_gold_is_everybodys_and_decides_nothing(opened: Callable[..., Store]) -> None:
    store = opened(gold=1.0)
    set_tasks(store, clips(1))
    add_gold(store, [NewTask("filter", "gold00000000", "o1", YES)] * 2)
    for person, said in (("anna", YES), ("ben", NO)):
        lease = claim(store, person, "filter")
        assert lease is not None and lease.gold
        finish(store, lease.id, said)
    lease = claim(store, "anna", "filter")  # each person once
    assert lease is not None and not lease.gold
    settle_all(store, same)
    scores = store.rows("SELECT person, score FROM leases WHERE score IS NOT NULL ORDER BY person")
    assert [tuple(row) for row in scores] == [("anna", 1.0), ("ben", 0.0)]
    assert store.count("SELECT count(*) FROM tasks WHERE decision IS NOT NULL") == 0


def test_an_answer_is_taken_back_until_somebody_else_has_answered(tmp_path: Path, opened: Callable[..., Store]) -> None:
    store, log = opened(), DecisionLog(tmp_path / "decisions")
    set_tasks(store, clips(1))
    assert reopen(store, "anna", "filter", anything) is None
    lease = claim(store, "anna", "filter")
    assert lease is not None
    finish(store, lease.id, NO)
    log.write_settled(store)
    again = reopen(store, "anna", "filter", anything)
    assert again is not None and again.id == lease.id
    finish(store, lease.id, YES)
    log.write_settled(store)
    rows = read_rows(held_decisions(tmp_path / "decisions")[0])
    assert [row["accept"] for row in rows] == [False, True]  # the last counts


@pytest.mark.faults
def test_what_was_answered_last_is_taken_back_or_nothing(opened: Callable[..., Store]) -> None:
    store = opened()
    set_tasks(store, clips(2))
    held = []
    for _ in range(2):
        lease = claim(store, "anna", "filter")
        assert lease is not None
        held.append(finish(store, lease.id, YES))

    def refuse(lease: Lease) -> None:
        raise MissingError(f"{lease.clip} is gone")

    with pytest.raises(MissingError, match=f"{held[1].clip} is gone"):
        reopen(store, "anna", "filter", refuse)
    assert find_lease(store, held[1].id) == held[1]
    retire_tasks(store, [clips(2)[1].id])
    with pytest.raises(ConflictError, match="was made anew"):
        reopen(store, "anna", "filter", anything)
    assert [find_lease(store, lease.id) for lease in held] == held


@pytest.mark.faults
def test_the_last_answer_is_the_last_whatever_the_clock_of_the_day_does(tmp_path: Path) -> None:
    """A clock that was set back had the answer before taken back, and nothing said so."""
    wall = Clock()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0), wall=wall)
    set_tasks(store, clips(3))
    last = ""
    for began in (10_000.0, 5_000.0, 0.0):
        wall.now = began
        lease = claim(store, "anna", "filter")
        assert lease is not None
        wall.now += 60
        last = finish(store, lease.id, YES).id
    again = reopen(store, "anna", "filter", anything)
    assert again is not None and again.id == last
    finish(store, last, NO)
    assert read_progress(store, "").people[0].minutes == pytest.approx(3)


@pytest.mark.faults
def test_minutes_are_those_of_the_work(tmp_path: Path) -> None:
    """A night between two clicks, or before an answer was taken back, counted as work."""
    clock, wall = Clock(), Clock()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0), clock, wall)
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None
    wall.now = 60
    save_event(store, lease.id, 0, {"kind": "undo"}, anything)
    clock.now = wall.now = 50_000
    again = claim(store, "anna", "filter")
    assert again is not None and again.id == lease.id
    wall.now += 60
    finish(store, lease.id, YES)
    wall.now += 50_000
    assert reopen(store, "anna", "filter", anything) is not None
    wall.now += 60
    finish(store, lease.id, NO)
    assert read_progress(store, "").people[0].minutes == pytest.approx(3)


@pytest.mark.faults
def test_logs_that_were_taken_away_meanwhile_are_begun_anew(tmp_path: Path, opened: Callable[..., Store]) -> None:
    store, log = opened(), DecisionLog(tmp_path / "decisions")
    set_tasks(store, clips(2))
    for _ in range(2):
        lease = claim(store, "anna", "filter")
        assert lease is not None
        finish(store, lease.id, YES)
        assert log.write_settled(store) == 1
        (only,) = held_decisions(tmp_path / "decisions")
        assert [row["clip"] for row in read_rows(only)] == [lease.clip]
        only.unlink()


@pytest.mark.faults
def test_a_void_answer_is_the_last_one(opened: Callable[..., Store]) -> None:
    store = opened(overlap=1.0)
    set_tasks(store, clips(2))
    for number in range(2):
        lease = claim(store, "anna", "filter")
        assert lease is not None
        finish(store, lease.id, {**YES, "of": {"remove": f"{number}"}})
    assert void_answers(store, clips(2)[1].id, {"remove": "2"}) == 1
    again = reopen(store, "anna", "filter", anything)
    assert again is not None and again.id == lease.id  # type: ignore[union-attr]


@pytest.mark.faults
def test_who_takes_back_a_decision_may_come_back_to_it(tmp_path: Path) -> None:
    """The build has gone on with what was decided, and waits no more: it stands until there is another answer."""
    clock = Clock()
    store = Store(tmp_path / "a.sqlite", make_rules(overlap=0.0, gold=0.0), clock)
    set_tasks(store, clips(1))
    lease = claim(store, "anna", "filter")
    assert lease is not None
    finish(store, lease.id, YES)
    assert reopen(store, "anna", "filter", anything) is not None
    clock.now = 1000
    assert claim(store, "ben", "curate") is None
    set_tasks(store, [])
    again = claim(store, "anna", "filter")
    assert again is not None and again.id == lease.id
    assert finish(store, lease.id, NO).state == "done"


def test_an_answer_to_gold_is_taken_back_like_any_other(opened: Callable[..., Store]) -> None:
    store = opened(gold=1.0)
    add_gold(store, [NewTask("filter", "gold00000000", "o1", YES)])
    lease = claim(store, "anna", "filter")
    assert lease is not None
    for said, score in ((YES, 1.0), (NO, 0.0)):
        finish(store, lease.id, said)
        settle_all(store, same)
        assert store.rows("SELECT score FROM leases")[0]["score"] == score
        again = reopen(store, "anna", "filter", anything)
        assert again is not None and again.id == lease.id


def test_a_decision_that_was_written_as_the_server_died_is_written_once(
    tmp_path: Path, opened: Callable[..., Store]
) -> None:
    store = opened()
    set_tasks(store, clips(2))
    for _ in range(2):
        lease = claim(store, "anna", "filter")
        assert lease is not None
        finish(store, lease.id, YES)
    DecisionLog(tmp_path / "decisions").write_settled(store)
    store.rows("UPDATE tasks SET logged = 0 WHERE number = 2")  # killed between the line and its mark
    path = held_decisions(tmp_path / "decisions")[0]
    path.write_bytes(path.read_bytes() + b'{"clip": "cut sh')  # and in the midst of a line
    store.close()
    store = opened()
    DecisionLog(tmp_path / "decisions").write_settled(store)
    rows = [row for log in held_decisions(tmp_path / "decisions") for row in read_rows(log, mend=False)]
    assert len(rows) == 2


@pytest.mark.faults
def test_a_full_disk_costs_no_decision_and_no_log(
    tmp_path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, log = opened(), DecisionLog(tmp_path / "decisions")
    set_tasks(store, clips(3))
    full = False
    sync = os.fsync

    def fail(file: int) -> None:
        if full:
            os.truncate(held_decisions(tmp_path / "decisions")[-1], os.fstat(file).st_size - 9)  # so much had room
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr("os.fsync", fail)
    for number in range(3):
        held = claim(store, "anna", "filter")
        assert held is not None
        finish(store, held.id, YES)
        if full := number == 1:
            with pytest.raises(OSError, match="No space"):
                log.write_settled(store)
        else:
            log.write_settled(store)
    assert len(read_decisions(held_decisions(tmp_path / "decisions"))) == 3
    assert DecisionLog(tmp_path / "decisions").write_settled(store) == 0


def test_a_file_has_one_server(opened: Callable[..., Store]) -> None:
    store = opened()
    with pytest.raises(VeraError, match="another server uses it"):
        opened()
    store.close()
    opened().close()


def test_what_waits_no_more_is_gone_and_may_come_back(opened: Callable[..., Store]) -> None:
    store = opened()
    set_tasks(store, clips(3))
    held = claim(store, "anna", "filter")
    set_tasks(store, [])
    assert claim(store, "ben", "filter") is None
    assert held is not None and finish(store, held.id, YES).state == "done"  # it was in hand
    assert set_tasks(store, clips(3)) == 2  # there again
    assert set_tasks(store, clips(3)) == 0
    assert claim(store, "ben", "filter") is not None


class Work(RuleBasedStateMachine):
    """People who claim, leave, answer and take back, and time that passes, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "a.sqlite", make_rules(overlap=0.5, gold=0.0), self.clock)
        set_tasks(self.store, clips(4))
        self.held: dict[str, str] = {}

    people = st.sampled_from(["anna", "ben", "carl"])

    @rule(person=people)
    def take(self, person: str) -> None:
        lease = claim(self.store, person, "filter")
        if lease is not None:
            self.held[person] = lease.id

    @rule(person=people, said=st.sampled_from([YES, NO]))
    def say(self, person: str, said: dict[str, Any]) -> None:
        if person in self.held:
            try:
                finish(self.store, self.held[person], said)
            except ConflictError:
                assert find_lease(self.store, self.held[person]).state in ("done", "expired")

    @rule(seconds=st.floats(1, 2000))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(person=people)
    def back(self, person: str) -> None:
        with suppress(ConflictError):
            reopen(self.store, person, "filter", anything)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store(Path(self.folder.name) / "a.sqlite", make_rules(overlap=0.5, gold=0.0), self.clock)

    @rule()
    def settle(self) -> None:
        settle_all(self.store, same)

    @invariant()
    def never_more_than_wanted(self) -> None:
        taken = self.store.rows(
            "SELECT tasks.wanted, tasks.state, count(leases.number) AS held FROM tasks LEFT JOIN leases "
            "ON leases.task = tasks.number AND leases.state IN ('open', 'done') GROUP BY tasks.number"
        )
        assert all(row["held"] <= row["wanted"] for row in taken)
        assert all(row["held"] == row["wanted"] for row in taken if row["state"] in ("settled", "disputed"))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestWork = Work.TestCase
TestWork.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
