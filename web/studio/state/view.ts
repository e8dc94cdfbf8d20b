/** The viewer that is on the page, and what of the document it shows. */

import { computed, signal } from "@preact/signals";
import type { ViewerApi, LayerState, Bar } from "../../viewer/types";
import type { Take } from "../api/types";
import { doc, selected, takeById } from "./session";
import { draft, tool } from "./tools";

export const viewer = signal<ViewerApi | null>(null);
/** Whether a slider is held: the matte overlay hides, so that the picture is judged and not the tint. */
export const sliding = signal(false);

/** The layers whose takes are ready, the lowest first, with the stroke that is being drawn. */
export const shownLayers = computed<LayerState[]>(() =>
  (doc.value?.layers ?? []).flatMap(({ take, on, adjustment }, index) => {
    const media = mediaOf(takeById.value.get(take));
    if (!media) return [];
    const stroke = tool.value === "paint" && index === selected.value ? draft.value : null;
    return [{ media, on, adjustment: stroke ? { ...adjustment, paint: [...adjustment.paint, stroke] } : adjustment }];
  }),
);

/** A bar for each layer, for the strip. */
export const bars = computed<Bar[]>(() =>
  (doc.value?.layers ?? []).flatMap(({ take, on, adjustment }, index) => {
    const found = takeById.value.get(take);
    if (!found?.frames?.length) return [];
    const first = Math.max(found.frames[0]!, adjustment.range[0] ?? 0);
    const last = Math.min(found.frames.at(-1)!, adjustment.range[1] ?? Infinity);
    return first > last ? [] : [{ id: String(index), label: found.instruction, first, last, on }];
  }),
);

/** What the viewer wants of a take; null until it is done. */
export function mediaOf(take: Take | undefined): LayerState["media"] | null {
  if (!take?.media || !take.frames) return null;
  const { edit, alpha, small, still } = take.media;
  return { id: take.id, edit, alpha, small, alphaStill: (n) => still.replace("{n}", String(n)), frames: take.frames };
}
