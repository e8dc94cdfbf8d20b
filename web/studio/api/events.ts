/** Changes of jobs as the server tells them, with reconnection. */

import { signal } from "@preact/signals";
import type { Job, JobList } from "./types";
import { ROOT } from "./client";

export type QueueState = Pick<JobList, "paused" | "workers">;

export const live = signal(false);
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** Listen until the returned function is called; `onOpen` runs at each connection, to read what was missed. */
export function listen(onJob: (job: Job, event: number) => void, onQueue: (queue: QueueState) => void, onOpen: () => void): () => void {
  let wait = FIRST_WAIT;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource;

  function connect(): void {
    source = new EventSource(`${ROOT}/events`);
    source.onopen = () => {
      wait = FIRST_WAIT;
      live.value = true;
      onOpen();
    };
    source.addEventListener("job", (event) => onJob(JSON.parse(event.data) as Job, Number(event.lastEventId)));
    source.addEventListener("queue", (event) => onQueue(JSON.parse(event.data) as QueueState));
    source.onerror = () => {
      live.value = false;
      // The browser connects again by itself, but not after an answer that is no stream.
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    };
  }

  connect();
  return () => {
    clearTimeout(timer);
    source.close();
    live.value = false;
  };
}
