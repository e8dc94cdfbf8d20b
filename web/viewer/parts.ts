/** The viewer's elements: canvas, handle of the wipe, and the line with code values and capability. */

import type { Size } from "./rule/plan";
import type { Capability, Picture, Samples, Side, ViewerSignals, Wipe } from "./types";
import { clockText } from "./times";

export interface Parts {
  root: HTMLElement;
  canvas: HTMLCanvasElement;
  handle: HTMLElement;
  values: HTMLElement;
  status: HTMLElement;
}

const KEYS_HINT = "Space J K L ArrowLeft ArrowRight I O 1 2 3 4 5 6 A M C W + - 0";

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string>,
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export function makeParts(host: HTMLElement): Parts {
  const root = element("div", {
    class: "viewer",
    role: "group",
    tabindex: "0",
    "aria-label": "Viewer",
    "aria-keyshortcuts": KEYS_HINT,
  });
  const canvas = element("canvas", { role: "img" });
  const handle = element("div", {
    class: "viewer-wipe",
    role: "slider",
    tabindex: "0",
    "aria-label": "Wipe",
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  });
  const line = element("div", { class: "viewer-line" });
  const values = element("span", {});
  const status = element("span", { role: "status" });
  line.append(values, status);
  root.append(canvas, handle, line);
  host.append(root);
  return { root, canvas, handle, values, status };
}

/** Says in words what the canvas shows. */
export function describeCanvas(
  canvas: HTMLCanvasElement,
  { frame, frameCount, view }: ViewerSignals,
  times: number[],
): void {
  const time = clockText(times[frame.value] ?? 0);
  canvas.setAttribute("aria-label", `Frame ${frame.value} of ${frameCount.value} at ${time}, ${view.value}`);
}

/** Puts the wipe's handle on its line over the picture of a source of `size`. */
export function placeHandle(
  handle: HTMLElement,
  wipe: Wipe,
  picture: Picture,
  size: Size,
  nameOf: (side: Side) => string,
): void {
  const { on, position, left, right } = wipe;
  handle.hidden = !on;
  const { left: x, top: y, scale } = picture;
  handle.style.left = `${x + position * size.width * scale.x}px`;
  handle.style.top = `${Math.max(y, 0)}px`;
  handle.style.height = `${size.height * scale.y + Math.min(y, 0)}px`;
  handle.setAttribute("aria-valuenow", String(Math.round(position * 100)));
  handle.setAttribute("aria-valuetext", `${nameOf(left)} to ${Math.round(position * 100)} %, ${nameOf(right)} beyond`);
}

export function samplesText(cursor: { x: number; y: number } | null, samples: Samples | null): string {
  if (!cursor) return "";
  const place = `${cursor.x}, ${cursor.y}`;
  if (!samples) return place;
  const edit = samples.edit ? ` · edit ${samples.edit.join(" ")}` : "";
  return `${place} · source ${samples.source.join(" ")} · result ${samples.result.join(" ")}${edit} · alpha ${samples.alpha.toFixed(3)}`;
}

/** The quiet line of a capability. */
export function capabilityText(capability: Capability, compositor: string): string {
  if (capability === "stills") return "Exact stills: this browser decodes no proxies";
  const how =
    capability === "exact" ? "Exact preview of the proxy" : "Preview within 3 codes: this browser shows no planes";
  return compositor === "WebGL2" ? how : `${how}, drawn without WebGL`;
}
