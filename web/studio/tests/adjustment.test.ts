import { expect, test } from "vitest";
import { NEUTRAL, difference, fieldValue, fromSlider, numberFields, toSlider, withField } from "../state/adjustment";
import { changesOf, docOf, movedLayer, withLayer, withTake, withoutLayer } from "../state/doc";

const FIELDS = numberFields(640, 272);

test("there is a field for each number of an adjustment", () => {
  const named = FIELDS.map(({ name, part }) => `${name}.${part ?? 0}`);
  const wanted = Object.entries(NEUTRAL).flatMap(([name, value]) => {
    if (name === "blend" || name === "range" || name === "paint") return [];
    return Array.isArray(value) ? value.map((_, i) => `${name}.${i}`) : [`${name}.0`];
  });
  expect(named.sort()).toEqual(wanted.sort());
});

test.each(FIELDS)("a slider of $label stands where its value says, and back", (field) => {
  for (let i = 0; i <= 20; i++) {
    const value = fromSlider(field, i / 20);
    expect(value).toBeGreaterThanOrEqual(field.low);
    expect(value).toBeLessThanOrEqual(field.high);
    expect(fromSlider(field, toSlider(field, value))).toBeCloseTo(value, 9);
  }
  const neutral = fieldValue(NEUTRAL, field);
  expect(fromSlider(field, toSlider(field, neutral))).toBeCloseTo(neutral, 9);
});

test("a value is kept within the server's limits, not the slider's", () => {
  const scale = FIELDS.find(({ name }) => name === "scale")!;
  expect(fieldValue(withField(NEUTRAL, scale, 50), scale)).toBe(50);
  expect(fieldValue(withField(NEUTRAL, scale, 5000), scale)).toBe(100);
  const gain = FIELDS.find(({ label }) => label === "Gain G")!;
  expect(withField(NEUTRAL, gain, 2).gain).toEqual([1, 2, 1]);
  expect(NEUTRAL.gain).toEqual([1, 1, 1]);
});

test("only what differs from neutral is sent, and comes back whole", () => {
  const layers = [
    { take: "a", on: true, opacity: 0.5 },
    { take: "b", on: false, range: [3, null] as [number, null] },
  ];
  const doc = docOf({ name: "bikes", strict_chroma: false, display: { lut: null, ocio: null }, layers });
  expect(doc.layers[0]!.adjustment).toEqual({ ...NEUTRAL, opacity: 0.5 });
  expect(changesOf(doc)).toEqual({ name: "bikes", strict_chroma: false, display: { lut: null, ocio: null }, layers });
  expect(difference(NEUTRAL)).toEqual({});
});

test("layers are added on top, moved and taken out", () => {
  const start = docOf({ name: "", strict_chroma: false, display: { lut: null, ocio: null }, layers: [] });
  const three = ["a", "b", "c"].reduce(withTake, start);
  const order = (doc: typeof three) => doc.layers.map(({ take }) => take).join("");
  expect(order(three)).toBe("abc");
  expect(order(movedLayer(three, 0, 2))).toBe("bca");
  expect(order(movedLayer(three, 2, 0))).toBe("cab");
  expect(order(withoutLayer(three, 1))).toBe("ac");
  expect(withLayer(three, 1, { on: false }).layers.map(({ on }) => on)).toEqual([true, false, true]);
});
