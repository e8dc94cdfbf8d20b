// What is recorded of a trial while it is on the screen.

export interface Event {
  t: number;
  kind: "play" | "pass" | "heat" | "hidden" | "shown" | "choose" | "resize" | "waiting";
  value?: string;
}

export interface Recorded {
  rt: number;
  time_elapsed: number;
  passes: number;
  heat_shown: number;
  heat_ms: number;
  hidden: number;
  width: number;
  height: number;
  device: number;
  events: Event[];
}

const MOST = 500; // events that the server takes

/** Times and counts of one trial, from its beginning on; `now` is a clock in milliseconds. */
export class Recorder {
  passes = 0;
  private heatShown = 0;
  private heatTime = 0;
  private heatSince: number | null = null;
  private hidden = 0;
  private events: Event[] = [];
  private readonly began: number;

  constructor(
    private readonly opened: number,
    private readonly now: () => number,
  ) {
    this.began = now();
  }

  note(kind: Event["kind"], value?: string): void {
    if (kind === "pass") this.passes += 1;
    if (kind === "hidden") this.hidden += 1;
    if (kind === "heat") this.heat(value === "on");
    if (this.events.length < MOST) {
      this.events.push({ t: Math.max(0, Math.round(this.now() - this.began)), kind, ...(value ? { value } : {}) });
    }
  }

  take(window: { innerWidth: number; innerHeight: number; devicePixelRatio: number }): Recorded {
    const now = this.now();
    const shown = this.heatSince === null ? 0 : now - this.heatSince;
    return {
      rt: Math.round(now - this.began),
      time_elapsed: Math.round(now - this.opened),
      passes: this.passes,
      heat_shown: this.heatShown,
      heat_ms: Math.round(this.heatTime + shown),
      hidden: this.hidden,
      width: Math.max(1, Math.round(window.innerWidth)),
      height: Math.max(1, Math.round(window.innerHeight)),
      device: window.devicePixelRatio > 0 ? window.devicePixelRatio : 1,
      events: this.events,
    };
  }

  private heat(on: boolean): void {
    if (on === (this.heatSince !== null)) return;
    if (on) {
      this.heatShown += 1;
      this.heatSince = this.now();
    } else {
      this.heatTime += this.now() - this.heatSince!;
      this.heatSince = null;
    }
  }
}
