import { describe, expect, it } from "vitest";
import { FULL, heatMap } from "./heat";
import { INFERNO } from "./inferno";

const pixel = (...codes: number[]) => Uint8ClampedArray.from([...codes, 255]);
const color = (place: number) => [0, 1, 2].map((at) => parseInt(INFERNO.slice(6 * place + 2 * at, 6 * place + 2 * at + 2), 16));

function heat(source: number[], result: number[]): number[] {
  const out = pixel(0, 0, 0);
  heatMap(pixel(...source), pixel(...result), out);
  return [...out.slice(0, 3)];
}

describe("the heat map's rule", () => {
  it("is black where nothing differs and pale yellow from FULL levels on", () => {
    expect(heat([9, 200, 3], [9, 200, 3])).toEqual(color(0));
    expect(heat([0, 0, 0], [FULL, FULL, FULL])).toEqual(color(255));
    expect(heat([0, 0, 0], [255, 255, 255])).toEqual(color(255));
  });
  it("takes the mean of the channels' distances, whatever their sign", () => {
    for (const [r, g, b] of [[3, 0, 0], [-3, 6, 12], [30, -20, 10]] as const) {
      const place = Math.round(((Math.abs(r) + Math.abs(g) + Math.abs(b)) / 3) * (255 / FULL));
      expect(heat([100, 100, 100], [100 + r, 100 + g, 100 + b])).toEqual(color(place));
    }
  });
  it("may write over what it reads", () => {
    const result = pixel(40, 40, 40);
    heatMap(pixel(0, 0, 0), result, result);
    expect([...result]).toEqual([...color(255), 255]);
  });
});
