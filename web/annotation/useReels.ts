// The pictures of a task's views, for as long as the task is shown.
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import type { View, Work } from "./api";
import { setClip } from "./clock";
import { Reel } from "./reel";
import { fit } from "./zoom";

const MATTE: View[] = ["alpha", "checker", "plain"];

/**
 * Reels of some views of a task. Pictures are kept by their address, which tells of what they are; for another `version`
 * those of the matte load anew, and show what they had until then.
 */
export function useReels(work: Work, views: View[], version = ""): Map<View, Reel> {
  const named = views.join(" ");
  const made = `?of=${Object.values(work.of).join("-")}`;
  const reels = useMemo(
    () => new Map(views.map((view) => [view, new Reel(work.lease, view, work.frames, version || made)])),
    [work.lease, named, made],
  );
  useEffect(() => reels.forEach((reel, view) => MATTE.includes(view) && reel.renew(version)), [reels, version]);
  useEffect(() => () => reels.forEach((reel) => reel.close()), [reels]);
  useLayoutEffect(() => {
    setClip(work.frames, work.rate);
    fit();
  }, [work.lease]);
  return reels;
}

/** Draw a frame of a reel; grey where it has not come yet. */
export function drawFrame(context: CanvasRenderingContext2D, reel: Reel, t: number, width: number, height: number): void {
  void reel.loaded.value; // draws anew once it has
  const picture = reel.at(t);
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else {
    context.fillStyle = "#222";
    context.fillRect(0, 0, width, height);
  }
}
