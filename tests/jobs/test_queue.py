"""The queue against a model of it: whatever people, workers, clocks and restarts do."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from vera.jobs.job import MOST_ATTEMPTS, Claim, Job
from vera.jobs.store import LEASE, JobStore
from vera.service.errors import ConflictError

WORKERS = st.sampled_from(["w1", "w2", "w3"])
KINDS = ("a", "b")
NEXT = {  # states that may follow each
    "queued": {"queued", "running", "cancelled"},
    "running": {"running", "queued", "done", "failed", "cancelled"},
    "done": set(),
    "failed": {"queued"},
    "cancelled": {"queued"},
}


class Queue(RuleBasedStateMachine):
    """The model: `order` of waiting jobs, `held` by lease, and how often each was begun."""

    jobs = Bundle("jobs")
    claims = Bundle("claims")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.time = 0.0
        self.order: list[tuple[int, str]] = []  # priority, id; in the order they are begun
        self.held: dict[str, tuple[str, int, float]] = {}  # worker, lease, until
        self.state: dict[str, str] = {}
        self.attempts: dict[str, int] = {}
        self.stopping: set[str] = set()
        self.kind: dict[str, str] = {}
        self.numbers: list[int] = []
        self.paused = False
        self.store = JobStore(Path(self.folder.name) / "jobs.sqlite", lambda: self.time)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(target=jobs, kind=st.sampled_from(KINDS), priority=st.integers(-1, 1))
    def submit(self, kind: str, priority: int) -> str:
        job = self.store.submit(kind, {"out": kind}, priority=priority)
        self.state[job.id], self.attempts[job.id], self.kind[job.id] = "queued", 0, kind
        self.enqueue(job.id, priority)
        return job.id

    def enqueue(self, job: str, priority: int) -> None:
        place = sum(other >= priority for other, _ in self.order)
        self.order.insert(place, (priority, job))

    @rule(target=claims, worker=WORKERS, kinds=st.sets(st.sampled_from(KINDS), min_size=1))
    def claim(self, worker: str, kinds: set[str]) -> object:
        self.expire()
        for job in [job for job, (holder, _, _) in self.held.items() if holder == worker]:
            self.lose(job)
        claim = self.store.claim(worker, kinds)
        waiting = [] if self.paused else [pair for pair in self.order if self.kind[pair[1]] in kinds]
        if not waiting:
            assert claim is None
            return multiple()
        assert claim is not None and claim.job.id == waiting[0][1] and claim.job.state == "running"
        job = claim.job.id
        self.order.remove(waiting[0])
        self.state[job], self.attempts[job] = "running", self.attempts[job] + 1
        self.held[job] = (worker, claim.lease, self.time + LEASE)
        return claim, worker

    def expire(self) -> None:
        for job in [job for job, (_, _, until) in self.held.items() if until < self.time]:
            self.lose(job)

    def lose(self, job: str) -> None:
        del self.held[job]
        if job in self.stopping:
            self.stopping.discard(job)
            self.state[job] = "cancelled"
        elif self.attempts[job] >= MOST_ATTEMPTS:
            self.state[job] = "failed"
        else:
            self.wait_again(job)

    def wait_again(self, job: str) -> None:
        """At its old place: it keeps its position."""
        self.state[job] = "queued"
        mine = self.store.job(job)
        place = 0
        for priority, other in self.order:
            place += self.rank(priority, self.store.job(other)) < self.rank(mine.priority, mine)
        self.order.insert(place, (mine.priority, job))

    def rank(self, priority: int, job: Job) -> tuple[int, int, int]:
        """Of two at one place, which moves and losses can bring about, the older is first."""
        return -priority, job.position, list(self.state).index(job.id)

    @rule(held=claims)
    def heartbeat(self, held: tuple[Claim, str]) -> None:
        claim, worker = held
        job = claim.job.id
        if self.held.get(job, ())[:2] == (worker, claim.lease):
            assert self.store.heartbeat(job, worker, claim.lease) == (job in self.stopping)
            self.held[job] = (worker, claim.lease, self.time + LEASE)
        else:
            with pytest.raises(ConflictError):
                self.store.heartbeat(job, worker, claim.lease)

    @rule(held=consumes(claims), outcome=st.sampled_from(["done", "failed", "cancelled", "died", "released"]))
    def report(self, held: tuple[Claim, str], outcome: str) -> None:
        claim, worker = held
        job = claim.job.id
        if self.held.get(job, ())[:2] != (worker, claim.lease):
            with pytest.raises(ConflictError):
                self.store.report(job, worker, claim.lease, outcome, result={})  # type: ignore[arg-type]
            return
        self.store.report(job, worker, claim.lease, outcome, result={"by": worker})  # type: ignore[arg-type]
        if outcome == "died":
            self.lose(job)
            return
        del self.held[job]
        if outcome in ("done", "failed"):
            self.state[job] = outcome
        elif job in self.stopping:
            self.state[job] = "cancelled"
        else:
            self.attempts[job] -= 1
            self.wait_again(job)
        self.stopping.discard(job)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        self.store.cancel(job)
        if self.state[job] == "queued":
            self.state[job] = "cancelled"
            self.order = [pair for pair in self.order if pair[1] != job]
        elif self.state[job] == "running":
            self.stopping.add(job)

    @rule(job=jobs)
    def retry(self, job: str) -> None:
        self.expire_both()
        if self.state[job] in ("failed", "cancelled"):
            tried = self.store.retry(job)
            self.state[job], self.attempts[job] = "queued", 0
            self.enqueue(job, tried.priority)
        else:
            with pytest.raises(ConflictError):
                self.store.retry(job)

    def expire_both(self) -> None:
        self.expire()
        self.store.last()

    @rule(job=jobs, place=st.integers(0, 6))
    def move(self, job: str, place: int) -> None:
        self.expire_both()
        if self.state[job] != "queued":
            with pytest.raises(ConflictError):
                self.store.move(job, place)
            return
        self.store.move(job, place)
        others = [pair for pair in self.order if pair[1] != job]
        priority = others[min(place, len(others) - 1)][0] if others else self.store.job(job).priority
        self.order = [*others[:place], (priority, job), *others[place:]]

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.store.pause(paused)
        self.paused = paused

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.expire()
        self.store.last()

    @rule(jump=st.sampled_from([-1e6, 0.0, 1e6]))
    def restart(self, jump: float) -> None:
        """The server was killed, and the machine's clock is another: every lease begins anew."""
        self.store.close()
        self.time += jump
        self.store = JobStore(Path(self.folder.name) / "jobs.sqlite", lambda: self.time)
        self.held = {job: (worker, lease, self.time + LEASE) for job, (worker, lease, _) in self.held.items()}

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        jobs = {job.id: job for job in self.store.jobs()}
        assert {job: found.state for job, found in jobs.items()} == self.state
        assert {job: found.attempts for job, found in jobs.items()} == self.attempts
        assert {job for job, found in jobs.items() if found.cancelling} == self.stopping
        assert [found.id for found in jobs.values() if found.state == "queued"] == [job for _, job in self.order]
        assert self.store.paused == self.paused

    @invariant()
    def history_is_a_walk_of_states(self) -> None:
        if not hasattr(self, "store"):
            return
        for job in self.state:
            steps = self.store.history(job)
            assert steps[0].state == "queued" and steps[-1].state == self.state[job]
            assert all(after.state in NEXT[before.state] for before, after in pairwise(steps))
            assert sum(step.note.startswith("begun") for step in steps) >= self.attempts[job]

    @invariant()
    def a_page_that_resumes_misses_nothing(self) -> None:
        if not hasattr(self, "store"):
            return
        last = self.store.last()
        assert not self.numbers or last >= self.numbers[-1]
        self.numbers.append(last)
        changes = self.store.events(0)
        assert {change.job.id: change.job for change in changes} == {job.id: job for job in self.store.jobs()}
        assert [change.number for change in changes] == sorted({change.number for change in changes})
        assert not self.store.events(last)


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


@pytest.mark.slow
class TestQueueAtLength(Queue.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=300, stateful_step_count=80, deadline=None)


def test_a_job_is_what_was_submitted(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    job = store.submit("a", {"text": "ü", "none": None, "list": [1, 2.5]})
    assert isinstance(job, Job) and job.spec == {"text": "ü", "none": None, "list": [1, 2.5]}
    assert store.job(job.id) == job == store.jobs()[0]
    store.close()
