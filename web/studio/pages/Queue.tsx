import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api/client";
import type { Job } from "../api/types";
import { duration } from "../state/estimate";
import { listed, paused, share, takeJob, takeList, workers } from "../state/jobs";
import { guard } from "../state/notices";
import { Rewrite } from "./Rewrite";

const KINDS: Record<string, string> = {
  proxy: "Preview of a clip",
  take_proxy: "Preview of a take",
  edit: "Take",
  layerize: "Layerize",
  composite: "Master",
  export: "Export",
  verify: "Verify",
};

/** The queue, which outlives the page and the server. */
export function Queue() {
  const all = listed.value;
  useEffect(() => void guard(readNames), [all.length]);
  return (
    <div class="page queue">
      <h1>Queue</h1>
      <div class="row">
        <button aria-pressed={paused.value} onClick={() => void guard(pause)}>
          {paused.value ? "Go on" : "Pause"}
        </button>
        <p class={workers.value && !paused.value ? "quiet" : "warn"}>{stateLine()}</p>
      </div>
      {!all.length && <p class="quiet empty">Nothing was queued yet.</p>}
      <ol class="jobs">
        {all.map((job) => (
          <Line key={job.id} job={job} />
        ))}
      </ol>
    </div>
  );
}

/** Names of projects and clips by their ids. */
const names = signal<ReadonlyMap<string, string>>(new Map());

async function readNames(): Promise<void> {
  const [projects, clips] = await Promise.all([api.projects(), api.clips()]);
  names.value = new Map([...projects, ...clips].map(({ id, name }) => [id, name]));
}

async function pause(): Promise<void> {
  takeList(await api.pauseQueue(!paused.value));
}

function stateLine(): string {
  if (!workers.value) return "No worker is connected: jobs wait until one is.";
  if (paused.value) return "Paused: what runs is finished, what waits goes on waiting.";
  return `${workers.value} ${workers.value === 1 ? "worker" : "workers"} connected.`;
}

function Line({ job }: { job: Job }) {
  const editing = useSignal(false);
  const waits = job.state === "queued";
  const act = (work: () => Promise<Job>) => () => void guard(async () => takeJob(await work()));
  return (
    <li
      class={job.state}
      tabIndex={waits ? 0 : undefined}
      aria-label={waits ? `${titleOf(job)}: Alt+Up and Alt+Down move it` : undefined}
      onKeyDown={(event) => waits && event.target === event.currentTarget && keys(event, job)}
    >
      <span class="kind">{KINDS[job.kind] ?? job.kind}</span>
      <span class="title" title={job.error ?? ""}>
        {titleOf(job)}
      </span>
      <span class="state">{stateOf(job)}</span>
      {job.state === "running" ? <progress max={1} value={share(job)} aria-label={titleOf(job)} /> : <span />}
      <span class="row">
        {waits && (
          <>
            <button aria-label="Move up" onClick={() => void guard(() => move(job, -1))}>
              Up
            </button>
            <button aria-label="Move down" onClick={() => void guard(() => move(job, 1))}>
              Down
            </button>
            {job.kind === "edit" && <button onClick={() => void (editing.value = !editing.value)}>Edit</button>}
          </>
        )}
        {(waits || job.state === "running") && <button onClick={act(() => api.changeJob(job.id, { cancel: true }))}>Cancel</button>}
        {(job.state === "failed" || job.state === "cancelled") && <button onClick={act(() => api.retryJob(job.id))}>Retry</button>}
      </span>
      {job.error && <p class="error">{job.error}</p>}
      {waits && editing.value && <Rewrite job={job} onDone={() => void (editing.value = false)} />}
    </li>
  );
}

function titleOf({ spec }: Job): string {
  const word = (key: string) => (typeof spec[key] === "string" || typeof spec[key] === "number" ? String(spec[key]) : "");
  const name = names.value.get(word("project")) ?? names.value.get(word("clip")) ?? "";
  if (word("instruction")) return `${word("instruction")} (seed ${word("seed")})`;
  return [name, word("target") || word("master")].filter(Boolean).join(", ");
}

function stateOf({ state, cancelling, progress, attempts, started, ended }: Job): string {
  if (state === "running" && cancelling) return "stopping";
  if (state === "running" && progress) {
    const left = progress.eta ? `, ${duration(progress.eta)} left` : "";
    return `${progress.stage} ${progress.done}/${progress.total}${left}`;
  }
  if (state === "done" && started && ended) return `done in ${duration(ended - started)}`;
  return attempts > 1 ? `${state}, ${attempts} attempts` : state;
}

async function move(job: Job, by: number): Promise<void> {
  const waiting = listed.value.filter(({ state }) => state === "queued");
  const to = waiting.findIndex(({ id }) => id === job.id) + by;
  if (to < 0 || to >= waiting.length) return;
  await api.changeJob(job.id, { position: to });
  takeList(await api.jobs());
}

function keys(event: KeyboardEvent, job: Job): void {
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  void guard(() => move(job, event.key === "ArrowUp" ? -1 : 1));
}
