/** Frames by index: from the cache, or decoded into it. */

import type { Cache } from "./cache";
import type { Track } from "./track";

export interface Frames<Picture> {
  readonly count: number;
  get(index: number): Promise<Picture>;
  /** Decodes what is missing of these, in one go. */
  prefetch(indices: number[]): Promise<void>;
  close(): void;
}

/** Frames of a track, as `copy` takes them out of decoded ones; `name` keeps them apart in a cache that tracks share. */
export function trackFrames<Picture>(
  track: Track,
  name: string,
  cache: Cache<Picture>,
  copy: (frame: VideoFrame) => Promise<Picture>,
): Frames<Picture> {
  const key = (index: number) => `${name} ${index}`;

  async function decode(indices: number[]): Promise<Picture[]> {
    const frames = await track.decode(indices);
    try {
      const pictures = await Promise.all(frames.map(copy));
      pictures.forEach((picture, i) => cache.set(key(indices[i]!), picture));
      return pictures;
    } finally {
      frames.forEach((frame) => frame.close());
    }
  }

  return {
    count: track.count,
    get: async (index) => cache.get(key(index)) ?? (await decode([index]))[0]!,
    prefetch: async (indices) => {
      const missing = indices.filter((index) => !cache.has(key(index)));
      if (missing.length) await decode(missing);
    },
    close: () => track.close(),
  };
}
