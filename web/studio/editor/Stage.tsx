import { useEffect, useRef } from "preact/hooks";
import { effect, untracked } from "@preact/signals";
import { Viewer } from "../../viewer/viewer";
import { Strip } from "../../viewer/strip";
import type { Side } from "../../viewer/types";
import * as api from "../api/client";
import type { Display } from "../api/types";
import { guard } from "../state/notices";
import { clip, doc, projectId, saveNow, takeById } from "../state/session";
import { bars, shownLayers, sliding, viewer } from "../state/view";
import { compared } from "../state/wiping";
import { tableOf } from "../state/table";
import { Tools } from "./Tools";
import { ViewBar } from "./ViewBar";

/** The viewer with the tools on it, and the strip below. */
export function Stage() {
  const host = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const { id, proxy } = clip.value!;
  const ready = proxy.state === "ready";

  useEffect(() => mount(host.current!, strip.current!), [id, ready]);

  return (
    <section class="stage" aria-label="Viewer">
      <ViewBar />
      <div class="screen">
        <div class="host" ref={host} />
        <Tools />
        {!ready && <p class="cover">{proxy.error ?? COVER[proxy.state]}</p>}
      </div>
      <div class="strip" ref={strip} />
    </section>
  );
}

const COVER = {
  queued: "The preview of this clip waits in the queue.",
  running: "The preview of this clip is being made.",
  failed: "The preview of this clip could not be made; the queue says why.",
  ready: "",
};

function mount(host: HTMLElement, below: HTMLElement): () => void {
  const source = clip.peek()!;
  const made = new Viewer(host, { exact });
  const strip = new Strip(below, made);
  viewer.value = made;
  if (source.media) {
    const { width, height, times, media } = source;
    void made.load({ url: media.proxy, small: media.small, times, width, height });
    strip.load({ thumbnails: { url: media.thumbnails, count: media.thumbnail_count }, peaks: media.peaks });
  }
  const stops = [
    effect(() => {
      const [layers, strict] = [shownLayers.value, doc.value?.strict_chroma ?? false];
      untracked(() => made.setLayers(layers, strict));
    }),
    effect(() => {
      const takes = compared.value;
      untracked(() => made.setCompared(takes));
    }),
    effect(() => {
      const display = doc.value?.display;
      if (display) untracked(() => void guard(() => showTable(made, display)));
    }),
    effect(() => {
      const shown = bars.value;
      untracked(() => strip.setBars(shown));
    }),
    hideOverlayWhileSliding(made.overlay),
  ];
  return () => {
    stops.forEach((stop) => stop());
    strip.destroy();
    made.destroy();
    viewer.value = null;
  };
}

async function showTable(made: Viewer, display: Display): Promise<void> {
  const table = await tableOf(display);
  if (doc.peek()?.display === display) made.table.value = table;
}

function hideOverlayWhileSliding(overlay: { value: boolean; peek(): boolean }): () => void {
  let hidden = false;
  return effect(() => {
    if (sliding.value && overlay.peek()) {
      hidden = true;
      overlay.value = false;
    } else if (!sliding.value && hidden) {
      hidden = false;
      overlay.value = true;
    }
  });
}

/** The server's picture of a frame, of the document as it is now; null where it cannot be had. */
async function exact(frame: number, side: Side, signal: AbortSignal): Promise<ImageBitmap | null> {
  if (side === "matte" || !projectId.peek()) return null;
  try {
    const project = await saveNow();
    if (side !== "source" && !allDone()) return null;
    const response = await fetch(api.frameUrl(project, frame, side), { signal });
    if (response.status !== 200) return null; // 204: a newer frame was asked for
    return await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
  } catch {
    return null;
  }
}

/** Whether all layers that are on have their files; until then there is nothing to draw. */
const allDone = () => doc.peek()?.layers.every(({ on, take }) => !on || takeById.peek().get(take)?.media) ?? false;
