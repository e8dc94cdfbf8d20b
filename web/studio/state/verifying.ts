/** The count of samples that changed where nothing should have, and whether it is of the project as it is now. */

import { computed, signal } from "@preact/signals";
import * as api from "../api/client";
import type { Job, Verified } from "../api/types";
import type { Doc } from "./doc";
import { jobs, takeJob } from "./jobs";
import { doc, projectId, saveNow } from "./session";

const asked = signal<{ job: string; of: Doc } | null>(null);

const latest = computed<Job | null>(() => {
  const mine = [...jobs.value.values()].filter((job) => job.kind === "verify" && job.spec.project === projectId.value);
  return mine.sort((one, other) => String(one.created).localeCompare(String(other.created))).at(-1) ?? null;
});

export interface Verification {
  state: "none" | "running" | "failed" | "done";
  report: Verified | null;
  /** False if the project was changed since, or if that is not known. */
  current: boolean;
  text: string;
}

export const verification = computed<Verification>(() => {
  const job = latest.value;
  const current = job !== null && asked.value?.job === job.id && asked.value.of.layers === doc.value?.layers;
  if (!job || job.state === "cancelled") return { state: "none", report: null, current: false, text: "Not verified yet" };
  if (job.state === "failed") return { state: "failed", report: null, current, text: job.error ?? "It could not be verified" };
  if (job.state !== "done") return { state: "running", report: null, current, text: "Verifying" };
  const report = job.result as unknown as Verified;
  const count = `${report.changed.toLocaleString("en")} samples changed`;
  return { state: "done", report, current, text: current ? count : `${count}, before the last changes` };
});

/** Count anew, of the project as it is now. */
export async function verifyNow(): Promise<void> {
  await saveNow();
  const of = doc.value!;
  const job = await api.verify(projectId.value!);
  asked.value = { job: job.id, of };
  takeJob(job);
}
