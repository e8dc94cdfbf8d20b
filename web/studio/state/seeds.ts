/** Seeds as they are typed: `3`, `0-4`, `1, 5, 9-11`. */

export const MOST_SEEDS = 16;
const LARGEST = 2 ** 31 - 1;

/** Read a list of seeds; throws an Error of one line for what is none. */
export function parseSeeds(text: string): number[] {
  const seeds = text.split(",").flatMap(readPart);
  if (seeds.length > MOST_SEEDS) throw new Error(`At most ${MOST_SEEDS} seeds at once, not ${seeds.length}`);
  return [...new Set(seeds)];
}

function readPart(part: string): number[] {
  const match = /^\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?$/.exec(part);
  if (!match) throw new Error(`Seeds are whole numbers such as 3, 0-4 or 1, 5, not “${part.trim()}”`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first || last > LARGEST) throw new Error(`Seeds go from 0 to ${LARGEST} and upward, not ${part.trim()}`);
  if (last - first >= MOST_SEEDS) throw new Error(`At most ${MOST_SEEDS} seeds at once, not ${last - first + 1}`);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
