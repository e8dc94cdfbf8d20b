/** Playing: which frame is due at any speed, forwards or backwards, around the loop of in and out. */

import { endOf, frameAt } from "./times";

/** What else tells the time while it runs: sound, in seconds of the clip. */
export interface TimeSource {
  start(time: number): void;
  stop(): void;
  /** Null while it does not run. */
  now(): number | null;
}

export interface Range {
  first: number;
  last: number;
  loop: boolean;
}

/** A due frame, and whether the end was reached. */
export interface Due {
  time: number;
  ended: boolean;
}

/** Brings a time that has run out of a range of seconds back into it, or to its end. */
export function turned(time: number, from: number, to: number, loop: boolean): Due {
  if (time >= from && time < to) return { time, ended: false };
  if (!loop || to <= from) return { time: Math.min(Math.max(time, from), to), ended: true };
  const length = to - from;
  return { time: from + ((((time - from) % length) + length) % length), ended: false };
}

export class Clock {
  private anchor = { time: 0, at: 0 };
  private speed = 0;
  private request = 0;

  /** `due` gets each frame as its time comes, `ended` says that playing has come to an end. */
  constructor(
    private readonly times: readonly number[],
    private readonly sound: TimeSource | null,
    private readonly range: () => Range,
    private readonly due: (frame: number) => void,
    private readonly ended: () => void,
  ) {}

  start(frame: number, speed: number): void {
    this.stop();
    this.speed = speed;
    const { from, to } = this.seconds();
    const time = this.times[frame]!;
    const atEnd = speed > 0 ? frame >= this.range().last : frame <= this.range().first;
    this.go(time < from || time >= to || atEnd ? (speed > 0 ? from : to - 1e-6) : time);
    this.request = requestAnimationFrame(this.tick);
  }

  stop(): void {
    cancelAnimationFrame(this.request);
    this.sound?.stop();
    this.speed = 0;
  }

  private go(time: number): void {
    this.anchor = { time, at: performance.now() };
    this.sound?.stop();
    if (this.speed === 1) this.sound?.start(time);
  }

  private seconds(): { from: number; to: number } {
    const { first, last } = this.range();
    return { from: this.times[first]!, to: this.times[last + 1] ?? endOf(this.times) };
  }

  private readonly tick = (): void => {
    const elapsed = (performance.now() - this.anchor.at) / 1000;
    const now = this.sound?.now() ?? this.anchor.time + elapsed * this.speed;
    const { from, to } = this.seconds();
    const { time, ended } = turned(now, from, to, this.range().loop);
    const { first, last } = this.range();
    this.due(Math.min(Math.max(frameAt(this.times, time), first), last));
    if (ended) return this.ended();
    if (time !== now) this.go(time);
    this.request = requestAnimationFrame(this.tick);
  };
}
