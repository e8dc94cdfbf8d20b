/** Strokes of a mask as a PNG of the clip's size: white is the subject to preserve. */

import type { Stroke } from "../api/types";

/** Draw hard strokes in their order: white where they add, black where they take away. */
export async function maskPicture(strokes: readonly Stroke[], width: number, height: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false })!;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.strokeStyle = stroke.mode === "add" ? "#fff" : "#000";
    context.lineWidth = 2 * stroke.radius;
    context.beginPath();
    stroke.points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x + 0.5, y + 0.5));
    if (stroke.points.length === 1) context.lineTo(stroke.points[0]![0] + 0.5, stroke.points[0]![1] + 0.5);
    context.stroke();
  }
  return canvas.convertToBlob({ type: "image/png" });
}
