/** A layer's proxies, open: its edit and its alpha by layer frame, and which of them belongs to a source frame. */

import type { Capability, LayerMedia } from "../types";
import type { AlphaPlane, Planes } from "../rule/planes";
import type { Cache } from "./cache";
import { copyPlanes, greyOf } from "./copy";
import { type Frames, trackFrames } from "./frames";
import { Track } from "./track";

export interface OpenLayer {
  edit: Frames<Planes>;
  alpha: Frames<AlphaPlane>;
  /** The layer frame of a source frame. */
  indexOf: ReadonlyMap<number, number>;
  close(): void;
}

/** Pictures of all tracks, the most recently used. */
export interface Caches {
  planes: Cache<Planes>;
  alpha: Cache<AlphaPlane>;
}

export async function openLayer(media: LayerMedia, capability: Capability, caches: Caches): Promise<OpenLayer> {
  const track = await Track.open(media.edit);
  const edit = trackFrames(track, media.edit, caches.planes, copyPlanes);
  try {
    const alpha = await (capability === "exact" ? alphaTrack(media, caches) : alphaStills(media, track, caches));
    const indexOf = new Map(media.frames.map((frame, index) => [frame, index]));
    return { edit, alpha, indexOf, close: () => [edit, alpha].forEach((frames) => frames.close()) };
  } catch (error) {
    edit.close();
    throw error;
  }
}

async function alphaTrack(media: LayerMedia, caches: Caches): Promise<Frames<AlphaPlane>> {
  const track = await Track.open(media.alpha);
  return trackFrames(track, media.alpha, caches.alpha, async (frame) => (await copyPlanes(frame)).y.slice());
}

/** Alpha as grey PNGs, which come exactly where video does not. */
function alphaStills(media: LayerMedia, { width, height, count }: Track, { alpha: cache }: Caches): Frames<AlphaPlane> {
  async function get(index: number): Promise<AlphaPlane> {
    const url = media.alphaStill(index);
    const kept = cache.get(url);
    if (kept) return kept;
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
    const picture = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
    const alpha = await greyOf(picture, width, height);
    picture.close();
    cache.set(url, alpha);
    return alpha;
  }
  return {
    count,
    get,
    prefetch: async (indices) => void (await Promise.all(indices.map(get))),
    close: () => undefined,
  };
}
