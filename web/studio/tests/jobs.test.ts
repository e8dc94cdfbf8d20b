import { expect, test } from "vitest";
import { listed, takeList } from "../state/jobs";
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
