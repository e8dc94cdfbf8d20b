import { describe, expect, it } from "vitest";
import type { Adjustment, BlendMode, Stroke } from "../types";
import { adjustSheet } from "./adjust";
import { blended, BLEND_NAMES } from "./blend";
import { fromRgb, TO_RGB, toRgb } from "./color";
import { layOver, startComposite } from "./compose";
import { curves } from "./curves";
import { choke, discRows, gaussian } from "./kernels";
import { PaintCache } from "./paint_cache";
import { isLive, planLayer } from "./plan";
import { FULL, newPlanes, newSheet, STEPS } from "./planes";
import { makeSheet } from "./sheet";
import vectors from "./vectors.json";

const [width, height] = [24, 16];
const one = { x: 1, y: 1 };
const codes = (alpha: number[]) => Uint16Array.from(alpha, (value) => Math.round(value * FULL));
const furthest = (found: ArrayLike<number>, expected: ArrayLike<number>) =>
  Array.from(found).reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
const meanDifference = (found: ArrayLike<number>, expected: ArrayLike<number>) =>
  Array.from(found).reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / found.length;

describe("kernels are OpenCV's", () => {
  it.each(vectors.gaussian)("Gaussian of sigma $sigma", ({ sigma, half }) => {
    const found = gaussian(sigma)!;
    expect(furthest(found, [...half, ...Array(found.length).fill(0)])).toBeLessThan(1e-6);
    expect(found.reduce((sum, weight, i) => sum + (i ? 2 : 1) * weight, 0)).toBeCloseTo(1, 6);
  });

  it.each(vectors.disc)("disc of radius $radius", ({ radius, rows }) => {
    expect([...discRows(radius)]).toEqual(rows);
  });

  it("a choke of 0 is none, and one of less than a pixel mixes", () => {
    expect(choke(0, 1)).toBeNull();
    expect(choke(-2.25, 1)).toEqual({ radius: 2, share: 0.25, grows: true, stretch: 1 });
  });
});

describe("a layer is adjusted as `vera.layers.adjust` does", () => {
  it.each(vectors.adjusted)("$adjustment", ({ adjustment, alpha }) => {
    const sheet = newSheet(width, height);
    sheet.alpha.set(codes(vectors.alpha));
    const plan = planLayer(adjustment as Adjustment, { width, height }, one, null);
    const found = adjustSheet(sheet, plan).alpha;
    expect(furthest(found, codes(alpha))).toBeLessThanOrEqual(2); // of 65535
    expect(alpha.every((value, i) => (value === 0) === (found[i] === 0))).toBe(true);
  });

  it.each(vectors.squeezed.adjusted)("$adjustment where pixels are not square", ({ adjustment, alpha }) => {
    const sheet = newSheet(width, height);
    sheet.alpha.set(codes(vectors.squeezed.alpha));
    const scale = { x: 1, y: 1 / vectors.squeezed.rows };
    const plan = planLayer(adjustment as Adjustment, { width, height }, scale, null);
    const found = adjustSheet(sheet, plan).alpha;
    // A matte that is choked on coarser rows begins elsewhere within them.
    expect(meanDifference(found, codes(alpha))).toBeLessThan(("choke" in adjustment ? 0.055 : 0.001) * FULL);
  });

  it.each(vectors.curves)("curves of $adjustment", ({ adjustment, table }) => {
    expect(furthest(curves(adjustment as Adjustment)!, table.flat())).toBeLessThanOrEqual(1);
  });

  it("neutral curves are none", () => {
    expect(curves({ lift: [0, 0, 0], gain: [1, 1, 1] })).toBeNull();
  });

  it.each(BLEND_NAMES)("blend mode %s", (mode) => {
    const expected = (vectors.blend as Record<BlendMode, number[]>)[mode];
    const found = expected.map((_, i) => blended(mode, (i % 9) / 8, Math.floor(i / 9) / 8));
    expect(furthest(found, expected)).toBeLessThan(1e-5);
  });

  it("says what it does not draw whole", () => {
    expect(isLive({ choke: -16, feather: 64 }, one)).toBe(true);
    expect(isLive({ choke: -16.5 }, one)).toBe(false);
    expect(isLive({ choke: 30 }, { x: 0.5, y: 0.5 })).toBe(true);
    expect(isLive({ choke: 30 }, { x: 0.5, y: 0.75 })).toBe(false);
  });
});

describe("paint is that of `vera.layers.paint`", () => {
  it.each([0, 3, 9])("frame %i", (frame) => {
    const paint = new PaintCache().of(vectors.strokes as Stroke[], frame, { width, height }, one);
    const sheet = newSheet(width, height);
    sheet.alpha.set(codes(vectors.alpha));
    const found = adjustSheet(sheet, planLayer({}, { width, height }, one, paint)).alpha;
    const expected = codes(vectors.painted[[0, 3, 9].indexOf(frame)]!);
    expect(furthest(found, expected)).toBeLessThanOrEqual(1); // of 65535
  });

  it("a stroke that is added gives what all of them give at once", () => {
    const strokes = vectors.strokes as Stroke[];
    const grown = new PaintCache();
    const before = grown.of(strokes.slice(0, 2), 3, { width, height }, one);
    const after = grown.of(strokes, 3, { width, height }, one);
    expect(after).not.toBe(before);
    expect(after).toEqual(new PaintCache().of(strokes, 3, { width, height }, one));
    expect(grown.of(strokes, 3, { width, height }, one)).toBe(after);
    expect(grown.of([], 3, { width, height }, one)).toBeNull();
  });
});

describe("colours", () => {
  it("are those of BT.709, in whole numbers", () => {
    expect(TO_RGB.y).toBe(Math.round((255 / 219) * 65536));
    expect(TO_RGB.redCr).toBe(Math.round(((2 * (1 - 0.2126) * 255) / 224) * 65536));
    expect(TO_RGB.blueCb).toBe(Math.round(((2 * (1 - 0.0722) * 255) / 224) * 65536));
    expect(TO_RGB.greenCb).toBe(Math.round(((-2 * (1 - 0.0722) * 0.0722 * 255) / (0.7152 * 224)) * 65536));
    expect(TO_RGB.greenCr).toBe(Math.round(((-2 * (1 - 0.2126) * 0.2126 * 255) / (0.7152 * 224)) * 65536));
  });

  it("come back within a code", () => {
    const rgb = [0, 0, 0];
    for (let code = 0; code < 256; code += 5) {
      const ycc = ([0, 1, 2] as const).map((part) => fromRgb(code / 255, (255 - code) / 255, 0.5, part) / STEPS);
      toRgb(ycc[0]!, ycc[1]!, ycc[2]!, rgb);
      expect(furthest(rgb, [code, 255 - code, 127.5])).toBeLessThanOrEqual(1);
    }
  });
});

describe("the rule", () => {
  const picture = (seed: number) => {
    const planes = newPlanes(8, 6);
    for (const plane of [planes.y, planes.cb, planes.cr])
      plane.forEach((_, i) => (plane[i] = 16 + ((i * 37 + seed * 91) % 220)));
    return planes;
  };

  it("leaves the source where alpha is 0 and takes the edit where it is whole", () => {
    const [source, edit] = [picture(1), picture(2)];
    const alpha = Uint8Array.from({ length: 48 }, (_, i) => (i % 8 < 4 ? 0 : 255));
    const result = startComposite(source);
    layOver(result, makeSheet(edit, alpha, null), "normal", false);
    const expected = (from: Uint8Array, to: Uint8Array, columns: number) =>
      from.map((value, i) => (i % columns < columns / 2 ? value : to[i]!));
    expect(result.planes.y).toEqual(expected(source.y, edit.y, 8));
    expect(result.planes.cb).toEqual(expected(source.cb, edit.cb, 4));
    expect(result.planes.cr).toEqual(expected(source.cr, edit.cr, 4));
  });

  it("with strict chroma keeps a chroma sample that one empty pixel shares", () => {
    const [source, edit] = [picture(1), picture(2)];
    const alpha = new Uint8Array(48).fill(255);
    alpha[0] = 0;
    const result = startComposite(source);
    layOver(result, makeSheet(edit, alpha, null), "normal", true);
    expect(result.planes.cb[0]).toBe(source.cb[0]);
    expect(result.planes.cb[1]).toBe(edit.cb[1]);
  });
});
