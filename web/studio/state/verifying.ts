/** The count of samples that changed where nothing should have: an exact result is written, and held against the source. */

import { computed, effect, signal } from "@preact/signals";
import * as api from "../api/client";
import type { Job, Verified } from "../api/types";
import type { Doc } from "./doc";
import { jobs, takeJob } from "./jobs";
import { guard } from "./notices";
import { once } from "./once";
import { doc, opened, projectId, saveNow } from "./session";

interface Asked {
  project: string;
  of: Doc;
  result: string;
  check: string | null;
}

const asked = signal<Asked | null>(null);
projectId.subscribe(() => void (asked.value = null));

export interface Verification {
  state: "none" | "running" | "failed" | "done";
  report: Verified | null;
  /** Whether it is of the layers as they are now. */
  current: boolean;
  text: string;
}

/** The last count of a result of the layers as they were when the project was opened. */
const earlier = computed<Asked | null>(() => {
  const [project, start] = [projectId.value, opened.value];
  if (!project || !start) return null;
  const counts = [...jobs.value.values()].filter(
    ({ kind, state, spec }) => kind === "verify" && state === "done" && spec.project === project && start.laid.includes(String(spec.file)),
  );
  const last = counts.sort((one, other) => one.created - other.created).at(-1);
  return last ? { project, of: start.doc, result: "", check: last.id } : null;
});

const isLaidAlike = (one: Doc, other: Doc | null) => one.layers === other?.layers && one.strict_chroma === other.strict_chroma;

const NONE: Verification = { state: "none", report: null, current: false, text: "Not verified yet" };

export const verification = computed<Verification>(() => {
  const now = asked.value ?? earlier.value;
  if (!now) return NONE;
  const job = jobs.value.get(now.check ?? now.result);
  const current = isLaidAlike(now.of, doc.value);
  if (!job || job.state === "cancelled") return NONE;
  if (job.state === "failed") return { state: "failed", report: null, current, text: job.error ?? "It could not be verified" };
  if (!now.check || job.state !== "done") return { state: "running", report: null, current, text: progress(job) };
  const report = job.result as unknown as Verified;
  const count = `${report.changed.toLocaleString("en")} ${report.changed === 1 ? "sample" : "samples"} changed`;
  return { state: "done", report, current, text: current ? count : `${count}, before the last changes` };
});

function progress({ kind, progress }: Job): string {
  const what = kind === "verify" ? "Comparing" : "Writing the result";
  return progress ? `${what}, frame ${progress.done} of ${progress.total}` : what;
}

/** Count anew, of the project as it is now. */
export const verifyNow = () => once(`verify ${projectId.value}`, countNow);

async function countNow(): Promise<void> {
  const project = await saveNow();
  if (projectId.value !== project) return;
  const of = doc.value!;
  const result = await api.renderResult(project, { master: "exact" });
  takeJob(result);
  asked.value = { project, of, result: result.id, check: null };
}

effect(() => {
  const now = asked.value;
  const result = now && !now.check ? jobs.value.get(now.result) : undefined;
  if (now && result?.state === "done") void guard(() => compare(now, result));
});

async function compare(now: Asked, result: Job): Promise<void> {
  asked.value = { ...now, check: "waits" }; // so that it is asked for once
  const check = await api.verify(now.project, String(result.spec.file));
  takeJob(check);
  asked.value = { ...now, check: check.id };
}
