import { beforeEach, expect, test } from "vitest";
import { withPart } from "../state/region";
import { brush, draft, layDown, resizeBrush, strokeFrom, strokeTo, toggleTool, tool } from "../state/tools";

const START = brush.value;
beforeEach(() => void (brush.value = START));

test("the brush grows and shrinks within its limits, a whole pixel at least", () => {
  for (let i = 0; i < 80; i++) resizeBrush(false);
  expect(brush.value.radius).toBe(1);
  resizeBrush(true);
  expect(brush.value.radius).toBe(2);
  for (let i = 0; i < 80; i++) resizeBrush(true);
  expect(brush.value.radius).toBe(1000);
});

test("a tool is taken up and laid down", () => {
  toggleTool("paint");
  expect(tool.value).toBe("paint");
  toggleTool("region");
  expect(tool.value).toBe("region");
  draft.value = strokeFrom([1, 1], true);
  layDown();
  expect([tool.value, draft.value]).toEqual(["none", null]);
  toggleTool("region");
  toggleTool("region");
  expect(tool.value).toBe("none");
});

test("a stroke has the brush's settings, and keeps few points of a slow hand", () => {
  brush.value = { radius: 20, softness: 0.3, value: 0.6, mode: "subtract", range: [2, 5] };
  let stroke = strokeFrom([10, 10], false);
  expect(stroke).toEqual({ points: [[10, 10]], radius: 20, softness: 0.3, value: 0.6, mode: "subtract", range: [2, 5] });
  for (let i = 1; i <= 100; i++) stroke = strokeTo(stroke, [10 + i, 10]);
  expect(stroke.points).toHaveLength(26);
  expect(strokeFrom([0, 0], true)).toMatchObject({ softness: 0, value: 1, range: [null, null] });
});

test("numbers of a region stay within the frame", () => {
  const [region, size] = [[10, 20, 30, 40] as [number, number, number, number], [100, 80] as const];
  expect([9999, -1, 70.4].map((x) => withPart(region, 0, x, size)[0])).toEqual([70, 0, 70]);
  expect([9999, 0, 50].map((height) => withPart(region, 3, height, size)[3])).toEqual([60, 8, 50]);
  expect(withPart(region, 1, 25, size)).toEqual([10, 25, 30, 40]);
});
