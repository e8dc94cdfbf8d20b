import { expect, it, vi } from "vitest";
import { Stage } from "./stage";
import type { LayerMedia } from "./types";

const WIDTHS: Record<string, number> = { whole: 1280, edit: 1280, small: 640, "small edit": 640 };

vi.mock("./decode/track", () => ({
  Track: {
    open: async (url: string) => {
      const width = WIDTHS[url];
      if (!width) throw new Error(`${url}: 404 Not Found`);
      return { count: 2, width, height: (width * 9) / 16, decode: async () => [{ width, close: () => undefined }], close: () => undefined };
    },
  },
}));
vi.mock("./decode/copy", () => ({
  copyPlanes: async ({ width }: { width: number }) => {
    const y = new Uint8Array((width * width * 9) / 16);
    return { width, height: (width * 9) / 16, y };
  },
}));

const CLIP = { url: "whole", small: "small", times: [0, 1], width: 1920, height: 1080 };
const SMALL = { edit: "small edit", alpha: "small edit" };
const TAKE: LayerMedia = { id: "a", edit: "edit", alpha: "edit", small: SMALL, alphaStill: () => "", frames: [0, 1] };

async function opened(media: LayerMedia[], clip: Parameters<typeof Stage.open>[0] = CLIP): Promise<Stage> {
  const stage = await Stage.open(clip, "exact");
  stage.setLayers(media.map((one) => ({ media: one, on: true, adjustment: {} })), false);
  await stage.openSmall(clip);
  return stage;
}

it("draws fast at half the size, and else whole", async () => {
  const stage = await opened([TAKE]);
  const widths = async (from: Stage) => {
    const { source, layers, problems } = await from.drawing(1);
    return [source.width, layers[0]?.edit.width, problems.length];
  };
  expect(await widths(stage.quick([]))).toEqual([640, 640, 0]);
  expect(await widths(stage)).toEqual([1280, 1280, 0]);
  expect(stage.quick([]).scale).toEqual({ x: 1 / 3, y: 1 / 3 });
});

it("follows what is shown", async () => {
  const stage = await opened([]);
  const old = { ...TAKE, small: null };
  expect(stage.quick([]).isSmall).toBe(true);
  expect(stage.quick([TAKE]).isSmall).toBe(true);
  expect(stage.quick([old])).toBe(stage);
  stage.setLayers([{ media: old, on: true, adjustment: {} }], false);
  expect(stage.quick([])).toBe(stage);
  stage.setLayers([{ media: old, on: false, adjustment: {} }], false);
  expect(stage.quick([]).isSmall).toBe(true);
});

it.each([null, "away"])("draws whole where the clip's own of half the size is %s", async (small) => {
  const stage = await opened([TAKE], { ...CLIP, small });
  expect(stage.quick([])).toBe(stage);
});

it("is not opened after it was closed", async () => {
  const stage = await opened([], { ...CLIP, small: null });
  const opening = stage.openSmall(CLIP);
  stage.close();
  await opening;
  expect(stage.quick([])).toBe(stage);
});
