// How far the work is, looked at every few seconds while the page is seen.
import { signal } from "@preact/signals";
import { call } from "../shared/call";
import type { Gate, Progress } from "./api";

const EVERY = 5000; // milliseconds

export const progress = signal<Progress | null>(null);
export const progressProblem = signal("");

export async function look(): Promise<void> {
  try {
    progress.value = await call<Progress>("GET", "/api/progress");
    progressProblem.value = "";
  } catch (error) {
    progressProblem.value = (error as Error).message;
  }
}

export const gateOf = (gate: Gate) => progress.value?.gates.find((one) => one.gate === gate);
export const disputed = () => (progress.value?.gates ?? []).reduce((sum, gate) => sum + gate.disputed, 0);

setInterval(() => void (document.hidden || look()), EVERY);
