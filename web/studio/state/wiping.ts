/** The two sides of the wipe: views, and takes of the project, each alone over the source. */

import { computed } from "@preact/signals";
import type { LayerMedia, Side } from "../../viewer/types";
import type { Take } from "../api/types";
import { takes } from "./session";
import { mediaOf, viewer } from "./view";

export const VIEWS = [
  ["source", "Source"],
  ["edit", "Edit"],
  ["alpha", "Alpha"],
  ["result", "Result"],
  ["difference", "Difference"],
  ["matte", "Matte"],
] as const;

/** What either side may show, with its name: all views, then the takes that are done, the oldest first. */
export const sides = computed<[Side, string][]>(() => [
  ...VIEWS.map(([view, title]): [Side, string] => [view, title]),
  ...shownTakes.value.map((take): [Side, string] => [`take ${take.id}`, titleOf(take)]),
]);

const shownTakes = computed(() => takes.value.filter((take) => take.media && take.frames && !take.binned).reverse());

/** The takes that a side shows now, for the viewer. */
export const compared = computed<LayerMedia[]>(() => {
  const wipe = viewer.value?.wipe.value;
  if (!wipe?.on) return [];
  const wanted = shownTakes.value.filter(({ id }) => [wipe.left, wipe.right].includes(`take ${id}`));
  return wanted.flatMap((take) => {
    const media = mediaOf(take);
    return media ? [{ ...media, label: titleOf(take) }] : [];
  });
});

/** Show the next of the takes on a side of the wipe, which is switched on; false if there is none. */
export function nextSide(name: "left" | "right"): boolean {
  const wipe = viewer.value?.wipe;
  const found = shownTakes.value.map(({ id }): Side => `take ${id}`);
  if (!wipe || !found.length) return false;
  const next = found[(found.indexOf(wipe.value[name]) + 1) % found.length]!;
  wipe.value = { ...wipe.value, on: true, [name]: next };
  return true;
}

/** Exchange the two sides. */
export function swapSides(): void {
  const wipe = viewer.value?.wipe;
  if (wipe) wipe.value = { ...wipe.value, left: wipe.value.right, right: wipe.value.left };
}

function titleOf({ instruction, seed, kind }: Take): string {
  const what = instruction.length > 24 ? `${instruction.slice(0, 23)}…` : instruction;
  return seed === null ? what || `Take (${kind})` : `Seed ${seed}${what && `, ${what}`}`;
}
