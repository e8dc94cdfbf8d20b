/** An adjustment of a layer: neutral values, what differs from them, and the fields as the page shows them. */

import type { Adjustment, BlendMode } from "../api/types";

export const NEUTRAL: Adjustment = {
  opacity: 1,
  offset: [0, 0],
  scale: 1,
  feather: 0,
  choke: 0,
  lift: [0, 0, 0],
  gamma: [1, 1, 1],
  gain: [1, 1, 1],
  blend: "normal",
  range: [null, null],
  paint: [],
};

export const BLEND_MODES: readonly BlendMode[] = [
  "normal",
  "multiply",
  "screen",
  "overlay",
  "hard-light",
  "soft-light",
  "darken",
  "lighten",
  "difference",
  "add",
  "subtract",
];

/** A number of an adjustment: the limits of the server, and the part of them that the slider spans. */
export interface NumberField {
  name: "opacity" | "offset" | "scale" | "feather" | "choke" | "lift" | "gamma" | "gain";
  part: number | null;
  label: string;
  low: number;
  high: number;
  from: number;
  to: number;
  step: number;
  curve: "linear" | "log";
  unit: string;
}

/** The fields for a clip of `width` x `height`. */
export function numberFields(width: number, height: number): NumberField[] {
  const field = (
    name: NumberField["name"],
    part: number | null,
    label: string,
    [low, high]: [number, number],
    [from, to]: [number, number],
    step: number,
    curve: NumberField["curve"] = "linear",
    unit = "",
  ): NumberField => ({ name, part, label, low, high, from, to, step, curve, unit });
  const channels = (name: "lift" | "gamma" | "gain", limits: [number, number], span: [number, number]) =>
    ["R", "G", "B"].map((channel, part) =>
      field(name, part, `${name[0]!.toUpperCase()}${name.slice(1)} ${channel}`, limits, span, 0.01, name === "gamma" ? "log" : "linear"),
    );
  return [
    field("opacity", null, "Opacity", [0, 1], [0, 1], 0.01),
    field("offset", 0, "Offset X", [-1e6, 1e6], [-width, width], 1, "linear", "px"),
    field("offset", 1, "Offset Y", [-1e6, 1e6], [-height, height], 1, "linear", "px"),
    field("scale", null, "Scale", [0.01, 100], [0.1, 10], 0.01, "log"),
    field("feather", null, "Feather", [0, 1000], [0, 50], 0.1, "linear", "px"),
    field("choke", null, "Choke", [-1000, 1000], [-25, 25], 0.1, "linear", "px"),
    ...channels("lift", [-1, 1], [-1, 1]),
    ...channels("gamma", [0.01, 100], [0.1, 10]),
    ...channels("gain", [0, 100], [0, 4]),
  ];
}

/** Read a number field. */
export function fieldValue(adjustment: Adjustment, { name, part }: Pick<NumberField, "name" | "part">): number {
  const value = adjustment[name];
  return typeof value === "number" ? value : value[part ?? 0]!;
}

/** Write a number field into a new adjustment, within its limits. */
export function withField(adjustment: Adjustment, field: NumberField, value: number): Adjustment {
  const within = Math.min(field.high, Math.max(field.low, value));
  const old = adjustment[field.name];
  const next = typeof old === "number" ? within : old.map((one, i) => (i === field.part ? within : one));
  return { ...adjustment, [field.name]: next };
}

/** Where the slider stands, 0 to 1, for a value; values beyond its span stand at its end. */
export function toSlider(field: NumberField, value: number): number {
  const [low, high, at] =
    field.curve === "log"
      ? [Math.log(field.from), Math.log(field.to), Math.log(Math.max(value, field.low, 1e-6))]
      : [field.from, field.to, value];
  return Math.min(1, Math.max(0, (at - low) / (high - low)));
}

/** The value of a slider's stand, on the grid of the field's step. */
export function fromSlider(field: NumberField, at: number): number {
  const value =
    field.curve === "log"
      ? Math.exp(Math.log(field.from) + at * (Math.log(field.to) - Math.log(field.from)))
      : field.from + at * (field.to - field.from);
  return onGrid(field, value);
}

/** The nearest multiple of the field's step. */
export function onGrid(field: NumberField, value: number): number {
  const digits = Math.max(0, -Math.floor(Math.log10(field.step) + 1e-9));
  return Number((Math.round(value / field.step) * field.step).toFixed(digits));
}

/** What differs from neutral. */
export function difference(adjustment: Adjustment): Partial<Adjustment> {
  const names = Object.keys(NEUTRAL) as (keyof Adjustment)[];
  const changed = names.filter((name) => JSON.stringify(adjustment[name]) !== JSON.stringify(NEUTRAL[name]));
  return Object.fromEntries(changed.map((name) => [name, adjustment[name]]));
}
