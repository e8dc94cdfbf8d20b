import { expect, it } from "vitest";
import { paintLine } from "./paint";

it("paints discs along a line, within the picture, and erases them", () => {
  const mask = new Uint8Array(20 * 10);
  paintLine(mask, 20, 10, [-3, 5], [30, 5], 2, 1);
  expect([...mask.slice(3 * 20, 4 * 20)].reduce((a, b) => a + b)).toBeGreaterThan(15);
  expect(mask.slice(0, 3 * 20).every((value) => value === 0)).toBe(true);
  expect(mask.slice(5 * 20, 6 * 20).every((value) => value === 1)).toBe(true);
  paintLine(mask, 20, 10, [10, 5], [10, 5], 30, 0);
  expect(mask.every((value) => value === 0)).toBe(true);
});
