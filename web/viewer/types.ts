/** What the viewer is given and tells: the words are those of `vera.layers` and of the studio's API. */

import type { Signal, ReadonlySignal } from "@preact/signals";
import type { Table } from "./rule/table";

export type Triple = [number, number, number];

/** A stroke of matte paint; lengths in pixels of the upright source, pixel centres at whole numbers. */
export interface Stroke {
  points: [number, number][];
  radius: number;
  softness: number;
  value: number;
  mode: "add" | "subtract";
  range: [number | null, number | null];
}

/** `vera.layers.adjust.Adjustment`: what is absent is neutral. */
export interface Adjustment {
  opacity?: number;
  offset?: [number, number];
  scale?: number;
  feather?: number;
  choke?: number;
  lift?: Triple;
  gamma?: Triple;
  gain?: Triple;
  blend?: BlendMode;
  range?: [number | null, number | null];
  paint?: Stroke[];
}

export type BlendMode =
  | "normal"
  | "multiply"
  | "screen"
  | "overlay"
  | "hard-light"
  | "soft-light"
  | "darken"
  | "lighten"
  | "difference"
  | "add"
  | "subtract";

/** A clip's proxy: `times` are the source's, in seconds, one a frame; width and height those of the upright source. */
export interface ClipMedia {
  url: string;
  /** The same at half the size, for while the position moves fast. */
  small?: string | null;
  times: number[];
  width: number;
  height: number;
}

/** A take's proxies; `frames` names the source frame of each layer frame, rising. */
export interface LayerMedia {
  id: string;
  edit: string;
  alpha: string;
  /** The same at half the size, as the clip's. */
  small?: { edit: string; alpha: string } | null;
  /** The URL of alpha as a grey PNG, for browsers that do not decode to planes. */
  alphaStill(layerFrame: number): string;
  frames: number[];
  /** What people call it. */
  label?: string;
}

export interface LayerState {
  media: LayerMedia;
  on: boolean;
  adjustment: Adjustment;
}

export type View = "source" | "edit" | "alpha" | "result" | "difference" | "matte";

/** What a side of the wipe shows: a view, or one of the compared takes by its id, alone over the source. */
export type Side = View | `take ${string}`;

/** Exact: planes. RGB: within the tolerance that the viewer states. Stills: only the server's frames. */
export type Capability = "exact" | "rgb" | "stills";

export interface Wipe {
  on: boolean;
  /** From the picture's left edge, 0 to 1. */
  position: number;
  left: Side;
  right: Side;
}

/** Where the upright source lies: CSS pixels in the host of the outer corner of its pixel (0, 0), and a source pixel's. */
export interface Picture {
  left: number;
  top: number;
  /** CSS pixels a pixel of the source, whose pixels need not be square. */
  scale: { x: number; y: number };
}

/** Code values, 8 bit, of the proxies at a pixel; alpha from 0 to 1. */
export interface Samples {
  source: Triple;
  result: Triple;
  edit: Triple | null;
  alpha: number;
}

export interface ViewerOptions {
  /** The exact picture at full size for a paused frame, null if there is none; `signal`: it is no longer wanted. */
  exact?(frame: number, side: Side, signal: AbortSignal): Promise<ImageBitmap | null>;
  /** Capabilities to leave out, for tests of what the browser at hand would never need. */
  without?: ("planes" | "webcodecs" | "webgl")[];
  /** WebGL also where the processor draws it, which is slow. */
  slowWebgl?: boolean;
}

export interface ViewerSignals {
  /** The source frame that is shown. */
  readonly frame: ReadonlySignal<number>;
  readonly frameCount: ReadonlySignal<number>;
  readonly playing: ReadonlySignal<boolean>;
  /** In multiples of the clip's own, negative backwards; 0 while paused. */
  readonly speed: ReadonlySignal<number>;
  readonly view: Signal<View>;
  readonly wipe: Signal<Wipe>;
  readonly overlay: Signal<boolean>;
  readonly checkerboard: Signal<boolean>;
  /** What shows the colours of the clip and its layers; null where the proxies are shown as they are. */
  readonly table: Signal<Table | null>;
  /** Device pixels a pixel of the proxy; null fits the picture to the host. */
  readonly zoom: Signal<number | null>;
  /** The proxy's pixel in the middle of the host, null for its own middle. */
  readonly center: Signal<[number, number] | null>;
  readonly picture: ReadonlySignal<Picture>;
  readonly inPoint: Signal<number | null>;
  readonly outPoint: Signal<number | null>;
  readonly loop: Signal<boolean>;
  readonly muted: Signal<boolean>;
  readonly cursor: ReadonlySignal<{ x: number; y: number } | null>;
  readonly samples: ReadonlySignal<Samples | null>;
  readonly capability: ReadonlySignal<Capability | null>;
  /** Whether the picture is the server's exact one. */
  readonly exactShown: ReadonlySignal<boolean>;
  /** One quiet line: what the viewer can do here, or what went wrong. */
  readonly status: ReadonlySignal<string>;
}

/** The surface of `Viewer`, which the pages use. */
export interface ViewerApi extends ViewerSignals {
  load(media: ClipMedia): Promise<void>;
  /** The lowest first. Cheap to call at every change of a slider: media that is open stays open. */
  setLayers(layers: LayerState[], strictChroma?: boolean): void;
  /** The takes that sides of the wipe may name. */
  setCompared(takes: LayerMedia[]): void;
  seek(frame: number): void;
  /** Moves by frames from where the viewer is going, and pauses. */
  step(frames: number): void;
  play(speed?: number): void;
  pause(): void;
  /** Device pixels a pixel of the proxy now, fitted or not. */
  zoomNow(): number;
  /** Zooms, and keeps what lies at a place of the host (CSS pixels; its middle if absent) where it is. */
  zoomAt(zoom: number, at?: { x: number; y: number }): void;
  /** Asks `exact` again: the server's picture of this frame has changed. */
  refresh(): void;
  destroy(): void;
}

export interface Bar {
  id: string;
  label: string;
  first: number;
  last: number;
  on: boolean;
  color?: string;
}

/** `thumbnails`: one row of `count` equal tiles; `peaks`: JSON `{peaks: number[]}`, 0 to 255, even over the clip. */
export interface StripMedia {
  thumbnails: { url: string; count: number } | null;
  peaks: string | null;
}

/** The surface of `Strip`: thumbnails, waveform, layer bars, in and out, playhead; `new Strip(host, viewer)`. */
export interface StripApi {
  load(media: StripMedia): void;
  setBars(bars: Bar[]): void;
  destroy(): void;
}
