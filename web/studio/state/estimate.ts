/** How long takes will need, learnt from those that were made on this machine. */

import type { Job } from "../api/types";

/** What the time of a frame depends on. */
export interface Effort {
  model: string;
  quality: boolean;
  steps: number | null;
}

/** Seconds for each frame: the median over finished takes of this effort, null before the first. */
export function secondsPerFrame(jobs: readonly Job[], effort: Effort, clip: { id: string; frames: number }): number | null {
  const rates = jobs.flatMap(({ kind, state, spec, started, ended }) => {
    if (kind !== "edit" || state !== "done" || !started || !ended || spec.model !== effort.model) return [];
    if (Boolean(spec.quality) !== effort.quality || (spec.steps ?? null) !== effort.steps) return [];
    const frames = (spec.frames as number | null) ?? (spec.clip === clip.id ? clip.frames - ((spec.start as number | null) ?? 0) : 0);
    return frames > 0 ? [(ended - started) / frames] : [];
  });
  rates.sort((one, other) => one - other);
  return rates[rates.length >> 1] ?? null;
}

/** A duration in words, such as `40 s`, `3 min` or `1 h 20 min`. */
export function duration(total: number): string {
  if (total < 90) return `${Math.max(1, Math.round(total))} s`;
  const minutes = Math.round(total / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
