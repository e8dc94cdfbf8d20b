// The task in hand: taken, kept by signs of life, its events saved one after the other, answered.
import { signal } from "@preact/signals";
import { ApiError, call } from "../shared/call";
import { leasePath, type Doing, type Draft, type Gate, type Role, type Work } from "./api";
import { problem, tell } from "./notices";

const LIFE = 60_000; // milliseconds between signs of life
const AGAIN = [500, 1000, 2000, 4000]; // milliseconds until what did not get through is sent again

export const person = signal(localStorage.getItem("vera-person") ?? "");
export const work = signal<Work | null>(null);
export const draft = signal<Draft | null>(null);
export const seq = signal(0); // the number of the next event
export const looking = signal(true); // for a task
export const unsaved = signal(0); // events that are on their way
export const cut = signal(false); // the server cannot be reached

let sending: Promise<unknown> = Promise.resolve();
let deciding: Promise<unknown> | null = null; // an answer on its way, until the next task is there
let place: { gate: Gate | null; role: Role } | null = null;

export function name(told: string): void {
  person.value = told.trim();
  localStorage.setItem("vera-person", person.value);
}

/** Go to a gate, and take a task of it. */
export async function goTo(gate: Gate | null, role: Role): Promise<void> {
  place = { gate, role };
  await next();
}

/** Leave the gates: the task stays the caller's until its time runs out. */
export function leave(): void {
  place = null;
  hold(null);
}

/** Take the next task of the gate. */
export async function next(): Promise<void> {
  if (!place || !person.value) return;
  await take("/api/claims");
}

/** Take the task back that was answered last. */
export const takeBack = () => decide(() => take("/api/reopened"), undefined);

/** Do one thing at a time to tasks: a second press, before the first has brought another task, is of none. */
function decide<T>(what: () => Promise<T>, otherwise: T): Promise<T> {
  if (deciding) return Promise.resolve(otherwise);
  const done = what().finally(() => (deciding = null));
  deciding = done;
  return done;
}

async function take(path: string): Promise<void> {
  const asked = place;
  looking.value = true;
  await sending; // of another task, or of the one that comes again
  if (asked !== place) return;
  const found = await attempt(() => call<{ work: Work | null }>("POST", path, { person: person.value, ...asked }));
  if (asked !== place) return;
  looking.value = false;
  if (!found) return;
  if (path !== "/api/claims" && !found.work) tell("There is no answer to take back.");
  else hold(found.work);
}

function hold(found: Work | null): void {
  work.value = found;
  draft.value = found?.draft ?? null;
  seq.value = found?.seq ?? 0;
}

/** Save an event, also where the page is left meanwhile; what was done before it is saved before it. */
export function act(event: Doing): Promise<void> {
  const held = work.value;
  if (!held || deciding) return Promise.resolve();
  unsaved.value++;
  const saved = sending.then(async () => {
    const found = await attempt(() =>
      call<{ seq: number; draft: Draft }>("POST", `${leasePath(held.lease)}/events`, { seq: held.seq, event }),
    );
    if (!found) return;
    held.seq = found.seq;
    if (work.value !== held) return;
    seq.value = found.seq;
    draft.value = found.draft;
  });
  sending = saved.finally(() => unsaved.value--);
  return saved;
}

/** Answer the task, once all its events are saved, and take the next one. */
export const answer = (said: Record<string, unknown>, path = "answer"): Promise<boolean> => decide(() => answerNow(said, path), false);

async function answerNow(said: Record<string, unknown>, path: string): Promise<boolean> {
  const held = work.value;
  await sending;
  if (!held || work.value !== held) return false;
  const done = await attempt(async () => {
    await call("POST", `${leasePath(held.lease)}/${path}`, path === "answer" ? { ...said, of: held.of } : said);
    return true;
  });
  if (done) await next();
  return done ?? false;
}

/** Do something until the server answers: what cannot be reached is tried again, what is refused is told. */
export async function attempt<T>(what: () => Promise<T>): Promise<T | null> {
  for (let times = 0; ; times++) {
    try {
      const found = await what();
      cut.value = false;
      return found;
    } catch (error) {
      const status = error instanceof ApiError ? error.status : -1;
      if (status === 0 || status >= 500) {
        cut.value = true;
        await new Promise((done) => setTimeout(done, AGAIN[Math.min(times, AGAIN.length - 1)]));
      } else {
        problem(error);
        return null;
      }
    }
  }
}

setInterval(() => {
  if (work.value && !document.hidden) {
    const { lease } = work.value;
    void call("POST", `${leasePath(lease)}/kept`).catch((error) => error instanceof ApiError && error.status === 409 && problem(error));
  }
}, LIFE);
addEventListener("beforeunload", (event) => {
  if (unsaved.value) event.preventDefault();
});
