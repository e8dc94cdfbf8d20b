/** The document of a project: what undo covers and what is saved by itself. */

import type { Adjustment, Display, LayerLine, Project } from "../api/types";
import { NEUTRAL, difference } from "./adjustment";

export interface Layer {
  take: string;
  on: boolean;
  adjustment: Adjustment;
}

export interface Doc {
  name: string;
  strict_chroma: boolean;
  /** What shows the clip in BT.709. */
  display: Display;
  /** The lowest first. */
  layers: readonly Layer[];
}

/** Read the document of a project as the server sends it. */
export function docOf({ name, strict_chroma, display, layers }: Pick<Project, "name" | "layers" | "strict_chroma" | "display">): Doc {
  return { name, strict_chroma, display, layers: layers.map(layerOf) };
}

/** Read a layer as the server sends it, or as a project file says it. */
export function layerOf({ take, on = true, ...changes }: LayerLine): Layer {
  return { take, on, adjustment: { ...NEUTRAL, ...changes } as Adjustment }; // the server sends defaults of strokes too
}

/** Write a document as the server takes it. */
export function changesOf(doc: Doc): Pick<Project, "name" | "layers" | "strict_chroma" | "display"> {
  const layers = doc.layers.map(({ take, on, adjustment }): LayerLine => ({ take, on, ...difference(adjustment) }));
  return { name: doc.name, strict_chroma: doc.strict_chroma, display: doc.display, layers };
}

/** Replace the layer at an index. */
export function withLayer(doc: Doc, index: number, changes: Partial<Layer>): Doc {
  return { ...doc, layers: doc.layers.map((layer, i) => (i === index ? { ...layer, ...changes } : layer)) };
}

/** Lay a take over all others. */
export function withTake(doc: Doc, take: string): Doc {
  return { ...doc, layers: [...doc.layers, { take, on: true, adjustment: NEUTRAL }] };
}

/** Take a layer out. */
export function withoutLayer(doc: Doc, index: number): Doc {
  return { ...doc, layers: doc.layers.filter((_, i) => i !== index) };
}

/** Move a layer to another place, counted after it is taken out. */
export function movedLayer(doc: Doc, from: number, to: number): Doc {
  const layers = doc.layers.filter((_, i) => i !== from);
  layers.splice(to, 0, doc.layers[from]!);
  return { ...doc, layers };
}
