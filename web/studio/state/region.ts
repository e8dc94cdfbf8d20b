/** The part of the frame that the model sees: left, top, width and height in pixels of the upright source. */

import type { Region } from "../api/types";

export const LEAST = 8; // pixels of a side

/** The region with another number, within a frame of `size`: a place that is too far stops where it still fits. */
export function withPart(region: Region, part: number, value: number, size: readonly [number, number]): Region {
  const [whole, other] = [size[part % 2]!, region[(part + 2) % 4]!];
  const [least, most] = part < 2 ? [0, whole - other] : [Math.min(LEAST, whole), whole - other];
  const within = Math.max(least, Math.min(most, Math.round(value)));
  return region.map((one, i) => (i === part ? within : one)) as Region;
}
