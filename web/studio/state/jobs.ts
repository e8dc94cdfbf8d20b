/** The queue as the server last told it. */

import { computed, signal } from "@preact/signals";
import type { Job, JobList } from "../api/types";

export const jobs = signal<ReadonlyMap<string, Job>>(new Map());
export const paused = signal(false);
export const workers = signal(0);

const told = new Map<string, number>(); // events by which jobs were last told

const ORDER = { running: 0, queued: 1, failed: 2, cancelled: 3, done: 3 } as const;

/** Running jobs, then waiting ones in the order they are begun, then ended ones, the newest first. */
export const listed = computed(() =>
  [...jobs.value.values()].sort(
    (one, other) =>
      ORDER[one.state] - ORDER[other.state] ||
      (one.state === "queued" ? other.priority - one.priority || one.position - other.position : other.created - one.created),
  ),
);

export const waiting = computed(() => listed.value.filter((job) => job.state === "running" || job.state === "queued").length);

/** Take the whole list, but for jobs of which later events have told already. */
export function takeList(list: JobList): void {
  const newer = [...jobs.peek()].filter(([id]) => (told.get(id) ?? 0) > list.event);
  jobs.value = new Map([...list.jobs.map((job) => [job.id, job] as const), ...newer]);
  takeQueue(list);
}

/** Take whether the queue is paused and how many work. */
export function takeQueue(queue: Pick<JobList, "paused" | "workers">): void {
  paused.value = queue.paused;
  workers.value = queue.workers;
}

/** Take a change of one job, as the event of this number tells it, or as an answer does. */
export function takeJob(job: Job, event = 0): void {
  if (event) told.set(job.id, event);
  jobs.value = new Map(jobs.value).set(job.id, job);
}

/** The part of a job that is done, 0 to 1. */
export function share(job: Job): number {
  if (job.state === "done") return 1;
  return job.progress && job.progress.total > 0 ? job.progress.done / job.progress.total : 0;
}
