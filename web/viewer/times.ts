/** Frames and times of a clip: a frame is shown from its own time until the next one's. */

/** The last frame whose time is not after `time`, the first if there is none. */
export function frameAt(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle]! <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Seconds from the first frame to the end of the last, which lasts as long as the one before it. */
export function endOf(times: readonly number[]): number {
  const last = times.length - 1;
  return last < 1 ? (times[0] ?? 0) + 0.04 : 2 * times[last]! - times[last - 1]!;
}

/** Two times of the shortest kind: "1:02.480". */
export function clockText(seconds: number): string {
  const whole = Math.max(Math.round(seconds * 1000), 0);
  const text = ((whole % 60000) / 1000).toFixed(3).padStart(6, "0");
  return `${Math.floor(whole / 60000)}:${text}`;
}
