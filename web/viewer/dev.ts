/** What the tests of the viewer call in its page: a viewer, and the rule on its own for given layers. */

import { type Compositor, plainCompositor } from "./compositor";
import { glCompositor } from "./gl/compositor";
import { Stage } from "./stage";
import type { ClipMedia, LayerMedia, LayerState, ViewerOptions } from "./types";
import { Strip } from "./strip";
import { Viewer } from "./viewer";
import "./dev.css";

type PlainMedia = Omit<LayerMedia, "alphaStill"> & { still: string };
type PlainState = Omit<LayerState, "media"> & { media: PlainMedia };

const compositors: Record<string, Compositor> = {};
let stage: { of: string; open: Stage } | null = null;

/** Layers as JSON has them: `still` is a URL with `{n}` for the layer frame. */
function layersOf(states: PlainState[]): LayerState[] {
  return states.map(({ media: { still, ...media }, ...state }) => ({
    ...state,
    media: { ...media, alphaStill: (n: number) => still.replace("{n}", String(n)) },
  }));
}

function compositorOf(name: string): Compositor {
  compositors[name] ??= name === "WebGL2" ? glCompositor(() => undefined, true)! : plainCompositor();
  return compositors[name];
}

/** Y, Cb, Cr and alpha of a composed frame at every pixel, 16 bits each, as base64. */
async function compose(
  clip: ClipMedia,
  states: PlainState[],
  frame: number,
  strict: boolean,
  name: string,
): Promise<string> {
  const of = `${clip.url} ${clip.width}`;
  if (stage?.of !== of) {
    stage?.open.close();
    stage = { of, open: await Stage.open(clip, "exact") };
  }
  stage.open.setLayers(layersOf(states), strict);
  const { problems, ...drawing } = await stage.open.drawing(frame);
  if (problems[0]) throw new Error(problems[0]);
  const compositor = compositorOf(name);
  compositor.compose(drawing);
  const { width, height } = drawing.source;
  return base64(Uint16Array.from(compositor.read("result", { x: 0, y: 0, width, height })));
}

/** Milliseconds that each of `frames` takes to decode with all its layers, and to compose in each way. */
async function times(clip: ClipMedia, states: PlainState[], frames: number[]): Promise<Record<string, number[]>> {
  const open = await Stage.open(clip, "exact");
  open.setLayers(layersOf(states), false);
  const names = ["WebGL2", "JavaScript"];
  const found: Record<string, number[]> = { decode: [], WebGL2: [], JavaScript: [] };
  for (const frame of frames) {
    let start = performance.now();
    const drawing = await open.drawing(frame);
    found.decode!.push(performance.now() - start);
    for (const name of names) {
      start = performance.now();
      compositorOf(name).compose(drawing);
      compositorOf(name).read("result", { x: 0, y: 0, width: 1, height: 1 });
      found[name]!.push(performance.now() - start);
    }
  }
  open.close();
  return found;
}

function base64(values: Uint16Array): string {
  let text = "";
  for (const byte of new Uint8Array(values.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

function open(options: ViewerOptions = {}): Viewer {
  const host = document.getElementById("host")!;
  host.replaceChildren();
  return new Viewer(host, options);
}

/** Takes the GPU away from every viewer on the page. */
function loseContext(): void {
  for (const context of contexts) context.getExtension("WEBGL_lose_context")?.loseContext();
}

function openStrip(viewer: Viewer): Strip {
  const host = document.getElementById("strip")!;
  host.replaceChildren();
  return new Strip(host, viewer);
}

const contexts: WebGL2RenderingContext[] = [];
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...given: unknown[]) {
  const context = getContext.apply(this, given as Parameters<typeof getContext>);
  if (context instanceof WebGL2RenderingContext) contexts.push(context);
  return context;
} as typeof getContext;

Object.assign(window, { dev: { open, openStrip, compose, times, layersOf, loseContext } });
