/** Place a sheet, change its matte and its opacity, in the order of `vera.layers.adjust.adjust_layer`. */

import { blur, choked, shift, warp, type Border, type Plane } from "./filters";
import { ALPHA_FLOOR, type LayerPlan } from "./plan";
import { CHANNELS, FULL, STEPS, type Sheet } from "./planes";

/** The adjusted sheet, a new one or itself; its curves were applied when it was made. */
export function adjustSheet(sheet: Sheet, plan: LayerPlan): Sheet {
  const placed = plan.place ? placeSheet(sheet, plan) : sheet;
  return { ...placed, alpha: adjustAlpha(placed, plan) };
}

function placeSheet(sheet: Sheet, { place, prefilter }: LayerPlan): Sheet {
  const { width, height } = sheet;
  const moved = (plane: Plane, border: Border, most: number): Plane => {
    if (place!.whole) return shift(plane, width, height, place!.right, place!.down, border);
    const soft = prefilter ? blur(plane, width, height, prefilter, prefilter) : plane;
    return warp(soft, width, height, place!.columns, place!.rows, border, most);
  };
  const alpha = moved(sheet.alpha, "zero", FULL);
  const [y, cb, cr] = CHANNELS.map((name) => moved(sheet[name], "replicate", 255 * STEPS));
  return { width, height, y: y!, cb: cb!, cr: cr!, alpha: place!.whole ? alpha : floored(alpha) };
}

function floored(alpha: Plane): Plane {
  return alpha.map((value) => (value < ALPHA_FLOOR ? 0 : value));
}

function adjustAlpha({ width, height, alpha }: Sheet, plan: LayerPlan): Plane {
  let matte = plan.choke ? choked(alpha, width, height, plan.choke) : alpha;
  if (plan.feather) matte = floored(blur(matte, width, height, ...plan.feather));
  const { paint, opacity } = plan;
  if (paint) matte = matte.map((value, i) => Math.max(paint.low[i]!, Math.min(paint.high[i]!, value)));
  return opacity === FULL ? matte : matte.map((value) => Math.floor((value * opacity + 32767) / FULL));
}
