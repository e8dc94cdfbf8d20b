// Answers on their way: each lies in the browser's own database until the server says that it is on the disk.
import { ApiError, call } from "../shared/call";
import { sessionPath, type Question, type Side } from "./api";
import type { Recorded } from "./record";

export interface Waiting {
  session: string;
  trial: number;
  answer: { attempt: string; sides: Record<Question, Side>; record: Recorded };
}

export interface Shelf {
  put(one: Waiting): Promise<void>;
  all(session: string): Promise<Waiting[]>;
  remove(one: Waiting): Promise<void>;
}

export type Told =
  | { kind: "sent"; left: number }
  | { kind: "waiting"; left: number; why: string }
  | { kind: "other"; trial: number }
  | { kind: "closed"; why: string };

const LONGEST = 30_000;
const FIRST = 1_000;
// A browser's database may be full or closed: answers are sent all the same, and one that stays in it is known again.
const unkept = () => {};

/**
 * Sends answers in order, again and again until each is kept; `tell` hears what becomes of them.
 * A page sends what it was given and what it found at its start, never what another open tab has on its way:
 * each tab is told of its own answers.
 */
export class Outbox {
  private readonly queue: Waiting[] = [];
  private busy: Promise<void> | null = null;
  private pause = FIRST;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dropped = false;

  constructor(
    private readonly session: string,
    private readonly shelf: Shelf,
    private readonly tell: (told: Told) => void,
    private readonly send = (one: Waiting) =>
      call("PUT", `${sessionPath(one.session)}/answers/${one.trial}`, one.answer),
  ) {}

  async add(trial: number, answer: Waiting["answer"]): Promise<void> {
    const one = { session: this.session, trial, answer };
    await this.shelf.put(one).catch(unkept);
    this.queue.push(one);
    void this.flush();
  }

  /** Take up what earlier pages have left. */
  async load(): Promise<void> {
    this.queue.unshift(...(await this.shelf.all(this.session).catch(() => [])));
  }

  /** Send nothing more and keep nothing, as after a withdrawal. */
  async drop(): Promise<void> {
    this.dropped = true;
    clearTimeout(this.timer);
    for (const one of this.queue.splice(0)) await this.shelf.remove(one).catch(unkept);
  }

  waiting(): readonly Waiting[] {
    return this.queue;
  }

  /** Send all that waits; what comes meanwhile is sent, too. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.busy ??= this.run().finally(() => {
      this.busy = null;
    });
    return this.busy;
  }

  private async run(): Promise<void> {
    for (let one = this.queue[0]; one; one = this.queue[0]) {
      try {
        await this.send(one);
      } catch (error) {
        if (this.dropped) return;
        const status = error instanceof ApiError ? error.status : 0;
        const why = error instanceof Error ? error.message : String(error);
        if (status === 409) this.tell({ kind: "other", trial: one.trial });
        else if ([401, 404, 422].includes(status)) return this.tell({ kind: "closed", why });
        else return this.later(this.queue.length, why);
      }
      if (this.dropped) return;
      this.queue.shift();
      await this.shelf.remove(one).catch(unkept);
      this.pause = FIRST;
    }
    this.tell({ kind: "sent", left: 0 });
  }

  private later(left: number, why: string): void {
    this.tell({ kind: "waiting", left, why });
    const spread = 0.5 + Math.random(); // not all pages at once when a server is back
    this.timer = setTimeout(() => void this.flush(), this.pause * spread);
    this.pause = Math.min(LONGEST, 2 * this.pause);
  }
}
