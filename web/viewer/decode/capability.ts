/** What this browser can show, found by decoding a frame that is known: its name tells nothing. */

import type { Capability } from "../types";
import { copyPlanes, hasPlanes } from "./copy";
import clips from "./self_test.json";

/** FNV-1a, 32 bit. */
export function checksum(bytes: Uint8Array): number {
  let value = 2166136261;
  for (const byte of bytes) value = Math.imul(value ^ byte, 16777619);
  return value >>> 0;
}

export async function findCapability(without: readonly string[] = []): Promise<Capability> {
  if (typeof VideoDecoder === "undefined" || without.includes("webcodecs")) return "stills";
  try {
    const exact = await Promise.all(Object.entries(clips).map(([codec, clip]) => decodesExactly(codec, clip)));
    return exact.every(Boolean) && !without.includes("planes") ? "exact" : "rgb";
  } catch {
    return "stills";
  }
}

/** Whether the clip's one frame comes as its very planes; throws if it does not come at all. */
async function decodesExactly(codec: string, clip: { data: string; sum: number }): Promise<boolean> {
  const frame = await decodeOne(
    codec,
    Uint8Array.from(atob(clip.data), (letter) => letter.charCodeAt(0)),
  );
  try {
    if (!hasPlanes(frame)) return false;
    const { y } = await copyPlanes(frame);
    return checksum(new Uint8Array(y.buffer)) === clip.sum;
  } finally {
    frame.close();
  }
}

async function decodeOne(codec: string, data: Uint8Array<ArrayBuffer>): Promise<VideoFrame> {
  const frames: VideoFrame[] = [];
  const decoder = new VideoDecoder({ output: (frame) => frames.push(frame), error: () => undefined }); // `flush` rejects
  try {
    decoder.configure({ codec, optimizeForLatency: true });
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data }));
    await decoder.flush();
  } finally {
    if (decoder.state !== "closed") decoder.close();
  }
  if (!frames[0]) throw new Error(`no frame of ${codec}`);
  return frames[0];
}
