// Which frame is shown, and playing from frame to frame.
import { signal } from "@preact/signals";

export const frame = signal(0);
export const playing = signal(false);

let count = 1;
let rate = 16;
let shown = 0;

export function setClip(frames: number, perSecond: number): void {
  count = frames;
  rate = perSecond;
  frame.value = 0;
  playing.value = false;
}

export function show(wanted: number): void {
  frame.value = Math.max(0, Math.min(count - 1, Math.round(wanted)));
}

export function step(by: number): void {
  playing.value = false;
  show(frame.value + by);
}

export function toggle(): void {
  playing.value = !playing.value;
  if (!playing.value) return;
  shown = performance.now();
  requestAnimationFrame(tick);
}

function tick(now: number): void {
  if (!playing.value) return;
  const steps = Math.floor(((now - shown) * rate) / 1000);
  if (steps > 0) {
    frame.value = (frame.value + steps) % count;
    shown += (steps * 1000) / rate;
  }
  requestAnimationFrame(tick);
}
