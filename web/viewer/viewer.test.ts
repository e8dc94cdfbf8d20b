import { describe, expect, it, vi } from "vitest";
import { turned } from "./clock";
import { Cache } from "./decode/cache";
import { checksum } from "./decode/capability";
import { ExactPictures } from "./exact";
import { pressKey, shuttle, KEYS } from "./keys";
import { Newest } from "./newest";
import { samplesText } from "./parts";
import { pixelAt } from "./pointer";
import { blankPaint, drawStroke } from "./rule/paint";
import { FULL } from "./rule/planes";
import { lookUp } from "./rule/table";
import { columnPeaks } from "./strip/draw";
import { fitted, placePicture, sourcePicture } from "./surface";
import { clockText, endOf, frameAt } from "./times";
import type { Stroke, ViewerApi, Wipe } from "./types";

const NO_WIPE: Wipe = { on: false, position: 0.5, left: "source", right: "result" };

describe("times", () => {
  const times = [0.1, 0.2, 0.5, 0.51, 2];

  it("finds the frame that is shown at a time", () => {
    expect([-1, 0.1, 0.19, 0.2, 0.505, 0.51, 1.99, 2, 9].map((time) => frameAt(times, time))).toEqual([
      0, 0, 0, 1, 2, 3, 3, 4, 4,
    ]);
    for (const [frame, time] of times.entries()) expect(frameAt(times, time)).toBe(frame);
  });

  it("ends as long after the last frame as that came after the one before", () => {
    expect(endOf(times)).toBeCloseTo(3.49);
    expect(endOf([1])).toBeCloseTo(1.04);
  });

  it("is written in minutes", () => {
    expect([0, 62.48, 59.9999].map(clockText)).toEqual(["0:00.000", "1:02.480", "1:00.000"]);
  });
});

describe("playing", () => {
  it("turns around the loop, both ways", () => {
    expect(turned(5.5, 2, 5, true)).toEqual({ time: 2.5, ended: false });
    expect(turned(1.5, 2, 5, true)).toEqual({ time: 4.5, ended: false });
    expect(turned(3, 2, 5, true)).toEqual({ time: 3, ended: false });
  });

  it("ends at either end without a loop", () => {
    expect(turned(5.5, 2, 5, false)).toEqual({ time: 5, ended: true });
    expect(turned(1.5, 2, 5, false)).toEqual({ time: 2, ended: true });
  });

  it("shuttles", () => {
    expect([0, 1, 2, 8, -1].map((speed) => shuttle(speed, 1))).toEqual([1, 2, 4, 8, 1]);
    expect([0, -1, -8, 2].map((speed) => shuttle(speed, -1))).toEqual([-1, -2, -8, -1]);
  });
});

describe("keys", () => {
  const press = (key: string, more: Partial<KeyboardEvent> = {}) => {
    const step = vi.fn();
    const event = { key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more } as KeyboardEvent;
    const done = pressKey({ step } as unknown as ViewerApi, event);
    return done ? step.mock.calls[0] : null;
  };

  it("that are held down toggle once", () => {
    const play = vi.fn();
    const event = { key: " ", shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, repeat: true } as KeyboardEvent;
    expect(pressKey({ playing: { value: false }, play } as unknown as ViewerApi, event)).toBe(true);
    expect(play).not.toHaveBeenCalled();
  });

  it("step by one or by ten, and leave combinations alone", () => {
    expect(press("ArrowRight")).toEqual([1]);
    expect(press("ArrowLeft", { shiftKey: true })).toEqual([-10]);
    expect(press("ArrowRight", { ctrlKey: true })).toBeNull();
    expect(press("q")).toBeNull();
    expect(press("ArrowRight", { repeat: true })).toEqual([1]);
  });

  it("are each for one thing", () => {
    const names = KEYS.flatMap(({ keys, shift }) => keys.map((key) => `${shift ? "Shift " : ""}${key}`));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the newest request", () => {
  it("follows the one that runs; those between are left out", async () => {
    const done: number[] = [];
    const idle = vi.fn();
    const newest = new Newest<number>(
      async (request) => {
        await Promise.resolve();
        done.push(request);
      },
      idle,
      () => undefined,
    );
    [1, 2, 3].forEach((request) => newest.request(request));
    await vi.waitFor(() => expect(idle).toHaveBeenCalledOnce());
    expect(done).toEqual([1, 3]);
  });

  it("goes on after an error", async () => {
    const [failed, idle] = [vi.fn(), vi.fn()];
    const newest = new Newest<number>(() => Promise.reject(new Error("no")), idle, failed);
    newest.request(1);
    await vi.waitFor(() => expect(idle).toHaveBeenCalledOnce());
    newest.request(2);
    await vi.waitFor(() => expect(failed).toHaveBeenCalledTimes(2));
  });
});

describe("the cache", () => {
  it("drops what was used longest ago, by bytes", () => {
    const cache = new Cache<Uint8Array>(30, (bytes) => bytes.byteLength);
    for (const key of ["a", "b", "c"]) cache.set(key, new Uint8Array(10));
    cache.get("a");
    cache.set("d", new Uint8Array(10));
    expect(["a", "b", "c", "d"].filter((key) => cache.has(key))).toEqual(["a", "c", "d"]);
    expect(cache.bytes).toBe(30);
    cache.set("d", new Uint8Array(100)); // larger than all: it alone stays
    expect(cache.bytes).toBe(100);
  });
});

describe("exact pictures", () => {
  it("that come too late are closed and not shown", async () => {
    const close = vi.fn();
    const picture = { close } as unknown as ImageBitmap;
    let answer!: (picture: ImageBitmap) => void;
    const exact = new ExactPictures(() => new Promise((resolve) => (answer = resolve)));
    const late = exact.load(1, ["result"]);
    exact.forget();
    answer(picture);
    expect(await late).toBe(false);
    expect(close).toHaveBeenCalledOnce();
    const now = exact.load(2, ["result"]);
    answer(picture);
    expect(await now).toBe(true);
    expect(exact.get("result")).toBe(picture);
    expect(exact.forget()).toBe(true);
    expect(close).toHaveBeenCalledTimes(2);
  });

  it("that the server refuses are none", async () => {
    const exact = new ExactPictures(() => Promise.reject(new Error("500")));
    expect(await exact.load(1, ["alpha"])).toBe(false);
  });

  it("that a newer frame displaced are no longer asked for", async () => {
    const asked: AbortSignal[] = [];
    const exact = new ExactPictures((_frame, _side, signal) => {
      asked.push(signal);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    });
    const first = exact.load(1, ["result", "take 0123"]);
    const second = exact.load(2, ["result"]);
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(await first).toBe(false);
    exact.forget();
    expect(await second).toBe(false);
  });
});

describe("the surface", () => {
  const [canvas, proxy] = [
    { width: 960, height: 480 },
    { width: 320, height: 180 },
  ];

  it("fits and centres the picture", () => {
    expect(fitted(canvas, proxy)).toBeCloseTo(480 / 180);
    const look = { view: "result", wipe: NO_WIPE, zoom: null, center: [1, 1] } as const;
    expect(placePicture(canvas, proxy, { ...look, center: [1, 1] }).left).toBe(
      Math.round((960 - 320 * (480 / 180)) / 2),
    );
  });

  it("puts the chosen pixel into the middle when zoomed", () => {
    const place = placePicture(canvas, proxy, { view: "result", wipe: NO_WIPE, zoom: 4, center: [10, 20] });
    expect([place.left + 10 * 4, place.top + 20 * 4]).toEqual([480, 240]);
  });

  it("names the source pixel under the pointer, and none beside the picture", () => {
    const picture = { left: 10, top: 20, scale: { x: 2, y: 2 } };
    expect(pixelAt(picture, { x: 13.9, y: 20 }, proxy)).toEqual({ x: 1, y: 0 });
    expect(pixelAt(picture, { x: 9.9, y: 20 }, proxy)).toBeNull();
    expect(pixelAt(picture, { x: 10 + 640, y: 20 }, proxy)).toBeNull();
  });

  it("names the source pixel where pixels are not square", () => {
    const [source, wide] = [proxy, { width: 640, height: 180 }];
    const look = { view: "result", wipe: NO_WIPE, zoom: null, center: null } as const;
    const picture = sourcePicture({ width: 1280, height: 720 }, wide, source, look, 1);
    expect(picture).toEqual({ left: 0, top: 180, scale: { x: 4, y: 2 } });
    expect(pixelAt(picture, { x: 1279, y: 180 + 359 }, source)).toEqual({ x: 319, y: 179 });
  });

  it("says the code values", () => {
    expect(samplesText(null, null)).toBe("");
    const samples = { source: [16, 128, 128], result: [20, 127, 129], edit: null, alpha: 0.25 } as const;
    expect(samplesText({ x: 3, y: 4 }, { ...samples, source: [16, 128, 128], result: [20, 127, 129] })).toBe(
      "3, 4 · source 16 128 128 · result 20 127 129 · alpha 0.250",
    );
  });
});

it("paints what is round in the source as wide as its pixels are", () => {
  const paint = blankPaint(64, 32);
  const dot: Stroke = { points: [[15, 15]], radius: 8, softness: 0, value: 1, mode: "add", range: [null, null] };
  drawStroke(paint, dot, 64, 32, { x: 2, y: 1 });
  const covered = (of: number[]) => of.filter((at) => paint.low[at]! > FULL / 2).length;
  const [row, column] = [Array.from({ length: 64 }, (_, x) => 15 * 64 + x), Array.from({ length: 32 }, (_, y) => y * 64 + 31)];
  expect(Math.abs(covered(row) / covered(column) - 2)).toBeLessThan(0.2);
});

describe("the strip", () => {
  it("shows the highest peak of each column, more columns than peaks or fewer", () => {
    expect(columnPeaks([1, 9, 3, 4], 2)).toEqual([9, 4]);
    expect(columnPeaks([1, 9], 4)).toEqual([1, 1, 9, 9]);
    expect(columnPeaks([1, 5, 2], 2)).toEqual([5, 5]);
  });
});

it("sums bytes as FNV-1a does", () => {
  expect(checksum(new TextEncoder().encode("foobar"))).toBe(0xbf9cf968);
});

describe("a table of colours", () => {
  const side = 3;
  const codes = Uint8Array.from({ length: 81 }, (_, i) => (i * 37) % 256);
  const shown = (red: number, green: number, blue: number) => {
    const out = [red, green, blue];
    lookUp({ side, codes }, out, 0);
    return out;
  };
  const node = (r: number, g: number, b: number) => [...codes.slice(3 * ((b * 3 + g) * 3 + r)).slice(0, 3)];

  it("is exact at its nodes, red fastest", () => {
    expect(shown(0, 0, 0)).toEqual(node(0, 0, 0));
    expect(shown(255, 0, 0)).toEqual(node(2, 0, 0));
    expect(shown(0, 255, 0)).toEqual(node(0, 2, 0));
    expect(shown(0, 255, 255)).toEqual(node(0, 2, 2));
    expect(shown(255, 255, 255)).toEqual(node(2, 2, 2));
  });

  it("is straight between them", () => {
    const [low, high] = [node(0, 0, 0), node(1, 0, 0)];
    const part = 64 / 127.5;
    expect(shown(64, 0, 0)).toEqual(low.map((one, k) => Math.floor(one + part * (high[k]! - one) + 0.5)));
  });
});
