import { beforeEach, describe, expect, it } from "vitest";
import { fit, look, lookAt, placed, zoomBy } from "./zoom";

const CANVAS = [800, 400] as const;
const PICTURE = [200, 100] as const;
const place = () => placed(look.value, ...CANVAS, ...PICTURE);

beforeEach(fit);

describe("a picture", () => {
  it("is shown whole in the middle at first", () => {
    expect(place()).toEqual({ left: 0, top: 0, scale: 4, middle: [0.5, 0.5] });
    expect(placed(look.value, 800, 500, ...PICTURE)).toEqual({ left: 0, top: 50, scale: 4, middle: [0.5, 0.5] });
  });

  it("keeps what is under the pointer where it is", () => {
    const [x, y] = [0.25, 0.75];
    zoomBy(2, [x, y]);
    const { left, top, scale } = place();
    expect(scale).toBe(8);
    expect([left + x * 200 * scale, top + y * 100 * scale]).toEqual([0.25 * 800, 0.75 * 400]);
    zoomBy(1 / 4, [x, y]);
    expect(place()).toEqual({ left: 0, top: 0, scale: 4, middle: [0.5, 0.5] });
  });

  it("fills the canvas while it is larger", () => {
    zoomBy(4);
    for (const middle of [[-1, 2], [0, 0], [1, 1], [0.5, 0.01]] as [number, number][]) {
      lookAt(middle);
      const { left, top, scale, middle: seen } = place();
      expect(placed({ ...look.value, middle: seen }, ...CANVAS, ...PICTURE)).toEqual(place());
      expect(left).toBeLessThanOrEqual(0);
      expect(top).toBeLessThanOrEqual(0);
      expect(left + 200 * scale).toBeGreaterThanOrEqual(800);
      expect(top + 100 * scale).toBeGreaterThanOrEqual(400);
    }
    zoomBy(1e9);
    expect(look.value.zoom).toBe(32);
  });
});
