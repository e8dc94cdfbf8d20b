/** How long takes will need, learnt from those that were made on this machine. */

import type { Job } from "../api/types";

/** Seconds for each step and frame: the median over finished takes of a model, null before the first. */
export function secondsPerStepFrame(jobs: readonly Job[], model: string): number | null {
  const rates = jobs.flatMap((job) => {
    const { steps, frames, model: used } = job.spec as { steps?: number; frames?: number; model?: string };
    if (job.kind !== "edit" || job.state !== "done" || !job.started || !job.ended) return [];
    return used === model && steps && frames ? [(seconds(job.ended) - seconds(job.started)) / (steps * frames)] : [];
  });
  rates.sort((one, other) => one - other);
  return rates.length ? rates[rates.length >> 1]! : null;
}

function seconds(time: string | number): number {
  return typeof time === "number" ? time : Date.parse(time) / 1000;
}

/** A duration in words, such as `40 s`, `3 min` or `1 h 20 min`. */
export function duration(total: number): string {
  if (total < 90) return `${Math.max(1, Math.round(total))} s`;
  const minutes = Math.round(total / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
