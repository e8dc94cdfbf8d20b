import { beforeEach, expect, test, vi } from "vitest";
import { edit } from "../state/acts";
import { withTake } from "../state/doc";
import { takeJob, takeList } from "../state/jobs";
import { close, open } from "../state/session";
import { verification, verifyNow } from "../state/verifying";
import { FakeServer, makeJob } from "./server";

let server: FakeServer;
const REPORT = { changed: 0, preserved: 10, samples: 20, frames: 2, max_difference: 0, broken: null, heat: null };
const COUNT = { id: "count", kind: "verify", spec: { project: "project1", file: "file0001" } };

beforeEach(async () => {
  await close();
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  takeList({ jobs: [], paused: false, workers: 1, event: 0 });
  await open("project1");
});

test("a result is written, then compared; a change makes the count an old one", async () => {
  expect(verification.value).toMatchObject({ state: "none", text: "Not verified yet" });
  await verifyNow();
  expect(verification.value.state).toBe("running");
  takeJob(makeJob({ id: "master", kind: "composite", state: "done", spec: { file: "file0001" } }));
  await vi.waitFor(() => expect(server.requests.at(-1)).toMatchObject({ path: "/projects/project1/verify", body: { file: "file0001" } }));
  await vi.waitFor(() => expect(verification.value.text).toBe("Comparing"));
  takeJob(makeJob({ ...COUNT, state: "done", result: REPORT }));
  expect(verification.value).toMatchObject({ state: "done", current: true, text: "0 samples changed" });
  edit((now) => ({ ...now, name: "other", strict_chroma: false }), "Rename");
  expect(verification.value.current).toBe(true);
  edit((now) => ({ ...now, strict_chroma: true }), "Strict chroma");
  expect(verification.value.current).toBe(false);
  edit((now) => ({ ...withTake(now, "take"), strict_chroma: false }), "Add a layer");
  expect(verification.value).toMatchObject({ current: false, text: "0 samples changed, before the last changes" });
});

test("a master that cannot be written is told", async () => {
  await verifyNow();
  takeJob(makeJob({ id: "master", kind: "composite", state: "failed", error: "the disk is full" }));
  expect(verification.value).toMatchObject({ state: "failed", text: "the disk is full" });
});

test("a count outlives the page, unless the layers are others than those of the result that was counted", async () => {
  takeJob(makeJob({ ...COUNT, state: "done", result: { ...REPORT, changed: 1 }, created: 200 }));
  expect(verification.value.state).toBe("none"); // however late it was counted
  await close();
  server.save({ laid: ["file0001"] });
  await open("project1");
  expect(verification.value).toMatchObject({ state: "done", current: true, text: "1 sample changed" });
});
