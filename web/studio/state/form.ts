/** What is asked for next: the form beside the picture. */

import { signal } from "@preact/signals";
import type { Model, Region, Stroke, Take, TakeRequest } from "../api/types";
import { parseSeeds } from "./seeds";

export type Mask =
  | { kind: "none" }
  | { kind: "drawn"; strokes: readonly Stroke[] }
  | { kind: "sent"; id: string; name: string };

export interface Form {
  instruction: string;
  seeds: string;
  model: string;
  quality: boolean;
  steps: number | null;
  guidance: number | null;
  lora: readonly { name: string; scale: number }[];
  mask: Mask;
  region: Region | null;
  /** First and last source frame; null leaves an end open. */
  first: number | null;
  last: number | null;
}

export const EMPTY: Form = {
  instruction: "",
  seeds: "0",
  model: "nano",
  quality: false,
  steps: null,
  guidance: null,
  lora: [],
  mask: { kind: "none" },
  region: null,
  first: null,
  last: null,
};

export const form = signal<Form>(EMPTY);

/** How many frames the form asks for of a clip. */
export function framesOf({ first, last }: Form, count: number): number {
  return Math.max(0, Math.min(last ?? count - 1, count - 1) - (first ?? 0) + 1);
}

/** The request of a form, given the id of its mask. Throws an Error of one line for what cannot be asked. */
export function requestOf(form: Form, count: number, mask: string | null): TakeRequest {
  const instruction = form.instruction.trim();
  if (!instruction) throw new Error("Write what to change, such as “Add a red balloon on the right”");
  const frames = framesOf(form, count);
  if (!frames) throw new Error(`The range has no frame of the clip, which has ${count}`);
  return {
    instruction,
    seeds: parseSeeds(form.seeds),
    model: form.model,
    ...(form.quality && { quality: true }),
    ...(form.steps !== null && { steps: form.steps }),
    ...(form.guidance !== null && { guidance: form.guidance }),
    ...(form.lora.length && { lora: [...form.lora] }),
    ...(mask !== null && { mask }),
    ...(form.region && { region: form.region }),
    ...(form.first !== null && { start: form.first }),
    ...(frames < count && { frames }),
  };
}

type Settings = Partial<Omit<TakeRequest, "instruction" | "seeds">>;

/** The form that asks for a take again. */
export function formOfTake({ instruction, seed, model, settings: asked }: Take): Form {
  const settings = asked as Settings;
  const first = settings.start ?? null;
  return {
    ...EMPTY,
    instruction,
    seeds: String(seed ?? 0),
    model: model ?? EMPTY.model,
    quality: settings.quality ?? false,
    steps: settings.steps ?? null,
    guidance: settings.guidance ?? null,
    lora: (settings.lora ?? []).map(({ name, scale = 1 }) => ({ name, scale })),
    mask: settings.mask ? { kind: "sent", id: settings.mask, name: "the take's mask" } : EMPTY.mask,
    region: settings.region ?? null,
    first,
    last: settings.frames ? (first ?? 0) + settings.frames - 1 : null,
  };
}

/** The request of a take with another seed. */
export function requestOfTake({ instruction, settings }: Take, seed: number): TakeRequest {
  const given = Object.entries(settings).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(given), instruction, seeds: [seed] };
}

/** The form that a layer folder's manifest tells of, given the studio's models. Throws an Error of one line if it is none. */
export function formOfManifest(text: string, name: string, models: readonly Model[]): Form {
  const metadata = metadataOf(text);
  if (!metadata) throw new Error(`${name}: is not the manifest of a layer folder`);
  const number = (key: string) => (typeof metadata[key] === "number" ? (metadata[key] as number) : null);
  const words = (key: string) => (typeof metadata[key] === "string" ? (metadata[key] as string) : null);
  const asked: Form = {
    ...EMPTY,
    instruction: words("instruction") ?? "",
    seeds: String(number("seed") ?? 0),
    model: words("model") ?? (metadata.model as { name?: string } | null)?.name ?? EMPTY.model,
    steps: number("steps"),
    guidance: number("guidance"),
    lora: lorasOf(metadata.lora),
  };
  const model = models.find((each) => each.name === asked.model);
  const hasStudent = asked.lora.length === 1 && asked.lora[0]!.name === model?.student;
  const isDefault = hasStudent && asked.steps === model.steps && asked.guidance === model.guidance;
  return isDefault ? { ...asked, steps: null, guidance: null, lora: [] } : asked; // with numbers the model itself is asked
}

/** LoRAs as `vera edit --lora` takes them: a name, perhaps with a scale behind a colon. */
function lorasOf(said: unknown): Form["lora"] {
  const texts = Array.isArray(said) ? said.filter((one) => typeof one === "string") : [];
  return texts.map((text) => {
    const [, name = text, scale = "1"] = /^(.+):(-?[\d.]+)$/.exec(text) ?? [];
    return { name, scale: Number(scale) };
  });
}

function metadataOf(text: string): Record<string, unknown> | null {
  try {
    const found = JSON.parse(text) as { pts?: unknown; metadata?: Record<string, unknown> };
    return found.pts && typeof found.metadata === "object" ? found.metadata : null;
  } catch {
    return null;
  }
}
