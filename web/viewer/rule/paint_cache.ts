/** Strokes are rasterised once; a stroke that is added is drawn over those before. */

import type { Stroke } from "../types";
import { activeStrokes, blankPaint, drawStroke, type Paint, type Scale } from "./paint";
import type { Size } from "./plan";

export class PaintCache {
  private strokes: Stroke[] = [];
  private paint: Paint | null = null;

  /** The clamps of the strokes that are active at a frame, another object whenever they change; null without any. */
  of(strokes: Stroke[], frame: number, proxy: Size, scale: Scale): Paint | null {
    const active = activeStrokes(strokes, frame);
    const kept = this.strokes.length <= active.length && this.strokes.every((stroke, i) => stroke === active[i]);
    const fresh = kept ? active.slice(this.strokes.length) : active;
    if (!kept) this.paint = null;
    if (fresh.length) {
      this.paint = { ...(this.paint ?? blankPaint(proxy.width, proxy.height)) };
      for (const stroke of fresh) drawStroke(this.paint, stroke, proxy.width, proxy.height, scale);
    }
    this.strokes = active;
    return this.paint;
  }
}
