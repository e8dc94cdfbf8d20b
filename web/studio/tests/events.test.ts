import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listen, live } from "../api/events";
import { makeJob } from "./server";

class FakeSource extends EventTarget {
  static CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeSource.all.push(this);
  }
  close = vi.fn();
  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
  FakeSource.all = [];
});
afterEach(() => void vi.useRealTimers());

test("jobs are told, and the list is read at each connection", () => {
  const [onJob, onQueue, onOpen] = [vi.fn(), vi.fn(), vi.fn()];
  const stop = listen(onJob, onQueue, onOpen);
  const source = FakeSource.all[0]!;
  source.onopen!();
  expect(live.value).toBe(true);
  source.dispatchEvent(new MessageEvent("job", { data: JSON.stringify(makeJob({ id: "x" })), lastEventId: "7" }));
  source.dispatchEvent(new MessageEvent("queue", { data: '{"paused": true, "workers": 2}' }));
  expect(onJob.mock.calls[0]).toMatchObject([{ id: "x" }, 7]);
  expect(onQueue).toHaveBeenCalledWith({ paused: true, workers: 2 });
  source.fail(0); // the browser connects again by itself
  expect(live.value).toBe(false);
  source.onopen!();
  expect(onOpen).toHaveBeenCalledTimes(2);
  expect(FakeSource.all).toHaveLength(1);
  stop();
  expect(source.close).toHaveBeenCalled();
});

test("a refused stream is asked for again, later and later", () => {
  const stop = listen(vi.fn(), vi.fn(), vi.fn());
  const times = [];
  for (let i = 0, time = 0; i < 7; i++) {
    FakeSource.all.at(-1)!.fail(FakeSource.CLOSED);
    const known = FakeSource.all.length;
    for (time = 0; FakeSource.all.length === known; time += 100) vi.advanceTimersByTime(100);
    times.push(time);
  }
  expect(times).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  stop();
});
