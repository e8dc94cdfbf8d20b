/** What an adjustment does at the proxy's size, with all that is neutral left out. */

import type { Adjustment, BlendMode } from "../types";
import { curves } from "./curves";
import { choke, gaussian, type Choke } from "./kernels";
import type { Paint, Scale } from "./paint";
import { placement, type Placement } from "./place";
import { FULL } from "./planes";

export interface LayerPlan {
  /** Three tables of 256 values of the edit's R'G'B'. */
  curves: Uint16Array<ArrayBuffer> | null;
  blend: BlendMode;
  place: Placement | null;
  /** Gaussian before a placement that shrinks, from the middle outward. */
  prefilter: Float32Array<ArrayBuffer> | null;
  choke: Choke | null;
  /** Gaussians across and down, which differ where the source's pixels are not square. */
  feather: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] | null;
  paint: Paint | null;
  /** In 1/65535. */
  opacity: number;
}

/** Alpha below is 0 after interpolation or blur: `ALPHA_FLOOR` of `vera.layers.refine.floor`. */
export const ALPHA_FLOOR = (FULL >> 9) + 1;

/** Pixels of the proxy: beyond, a shader takes too long, and the server's still is shown. */
export const MOST_CHOKE = 16;
export const MOST_FEATHER = 64;

export interface Size {
  width: number;
  height: number;
}

/** Scale from the upright source to its proxy. */
export function proxyScale(source: Size, proxy: Size): Scale {
  return { x: proxy.width / source.width, y: proxy.height / source.height };
}

/** Whether the viewer draws the adjustment itself at this scale. */
export function isLive(adjustment: Adjustment, scale: Scale): boolean {
  const { choke: pixels = 0, feather = 0 } = adjustment;
  const larger = Math.max(scale.x, scale.y);
  return Math.abs(pixels) * larger <= MOST_CHOKE && feather * larger <= MOST_FEATHER;
}

function within(value: number, most: number): number {
  return Math.min(Math.max(value, -most), most);
}

/** The plan of an adjustment for source frame `frame`; what is not live is drawn as far as it can be. */
export function planLayer(adjustment: Adjustment, proxy: Size, scale: Scale, paint: Paint | null): LayerPlan {
  const [right, down] = adjustment.offset ?? [0, 0];
  const larger = Math.max(scale.x, scale.y);
  const feather = within(adjustment.feather ?? 0, MOST_FEATHER / larger);
  const place = placement(proxy.width, proxy.height, adjustment.scale ?? 1, right * scale.x, down * scale.y);
  return {
    curves: curves(adjustment),
    blend: adjustment.blend ?? "normal",
    place,
    prefilter: place && !place.whole ? gaussian(place.sigma) : null,
    choke: choke(within(adjustment.choke ?? 0, MOST_CHOKE / larger) * scale.x, scale.y / scale.x),
    feather: feather > 0 ? [gaussian(feather * scale.x)!, gaussian(feather * scale.y)!] : null,
    paint,
    opacity: Math.floor((adjustment.opacity ?? 1) * FULL + 0.5),
  };
}
