import { expect, test } from "vitest";
import { jobs, listed, takeJob, takeList } from "../state/jobs";
import { makeJob } from "./server";

test("jobs that wait are listed in the order they are begun", () => {
  const jobs = [
    makeJob({ id: "second", position: 1 }),
    makeJob({ id: "third", position: 2 }),
    makeJob({ id: "proxy", kind: "proxy", priority: 1, position: 3 }),
    makeJob({ id: "running", state: "running", position: 4 }),
  ];
  takeList({ jobs, paused: false, workers: 1, event: 0 });
  expect(listed.value.map(({ id }) => id)).toEqual(["running", "proxy", "second", "third"]);
});

test("a list that was read before an event does not take back what the event told", () => {
  takeList({ jobs: [makeJob({ id: "one", state: "running" })], paused: false, workers: 1, event: 6 });
  takeJob(makeJob({ id: "one", state: "done" }), 7);
  takeJob(makeJob({ id: "new" }), 8);
  takeList({ jobs: [makeJob({ id: "one", state: "running" })], paused: false, workers: 1, event: 6 });
  expect(jobs.value.get("one")?.state).toBe("done");
  expect(jobs.value.has("new")).toBe(true);
  takeList({ jobs: [makeJob({ id: "one", state: "failed" })], paused: false, workers: 1, event: 9 });
  expect(jobs.value.get("one")?.state).toBe("failed");
  expect(jobs.value.has("new")).toBe(false);
});
