/** The compositor in WebGL2: each layer a sheet, laid over the picture so far by the rule in whole numbers. */

import type { Compositor, Drawing, LayerDrawing } from "../compositor";
import { discRows } from "../rule/kernels";
import type { LayerPlan } from "../rule/plan";
import { BLEND_NAMES } from "../rule/blend";
import { VIEWS } from "../views";
import { type Gl, makePass, type Texture } from "./context";
import { LAY } from "./lay_pass";
import { BLUR, CHOKE, SHEET, SHIFT, START, WARP } from "./layer_passes";
import { Store } from "./store";
import { VIEW } from "./view_pass";

/**
 * The compositor on a canvas of its own, null without WebGL2 or where the processor has to draw it, unless `slow` allows
 * that: plain JavaScript is twenty times faster there. `lost` is called if the context goes.
 */
export function glCompositor(lost: () => void, slow = false): Compositor | null {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    preserveDrawingBuffer: true,
    failIfMajorPerformanceCaveat: !slow,
  });
  if (!gl || (!slow && isSoftware(gl))) return null;
  canvas.addEventListener("webglcontextlost", lost, { once: true });
  return compositorOn(gl, canvas);
}

/** Chromium, for one, sees no caveat in a software renderer that it was started with. */
function isSoftware(gl: Gl): boolean {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

function compositorOn(gl: Gl, canvas: HTMLCanvasElement): Compositor {
  const passes = {
    start: makePass(gl, START),
    sheet: makePass(gl, SHEET),
    blur: makePass(gl, BLUR),
    shift: makePass(gl, SHIFT),
    warp: makePass(gl, WARP),
    choke: makePass(gl, CHOKE),
    lay: makePass(gl, LAY),
    view: makePass(gl, VIEW),
  };
  const store = new Store(gl);
  let source: Texture;
  let result: Texture;
  let top: Texture | null = null;

  /** The target of two that is not `taken`. */
  const spare = (name: string, taken: Texture) =>
    [`${name} a`, `${name} b`].map((one) => store.target(one)).find((one) => one !== taken)!;

  function compose({ source: planes, layers, strictChroma }: Drawing): void {
    if (canvas.width !== planes.width || canvas.height !== planes.height) {
      [canvas.width, canvas.height] = [planes.width, planes.height];
    }
    store.resize(planes.width, planes.height);
    source = store.target("source");
    passes.start.run(source, store.planes("source", planes));
    [result, top] = [source, null];
    layers.forEach((layer, i) => {
      top = adjusted(layer, `layer ${i}`);
      const below = result;
      result = spare("result", below);
      passes.lay.run(result, { below, sheet: top, strict: strictChroma, ...finish(layer.plan, `layer ${i}`) });
    });
  }

  function finish({ paint, opacity, blend }: LayerPlan, name: string) {
    const limits = store.paint(`${name} paint`, paint);
    return { painted: paint !== null, paint: limits, opacity, mode: BLEND_NAMES.indexOf(blend) };
  }

  function adjusted({ edit, alpha, plan }: LayerDrawing, name: string): Texture {
    let sheet = store.target("sheet a");
    const next = (pass: keyof typeof passes, uniforms: Parameters<typeof passes.blur.run>[1]) => {
      const into = spare("sheet", sheet);
      passes[pass].run(into, { from: sheet, ...uniforms });
      sheet = into;
    };
    type Kernel = Float32Array<ArrayBuffer>;
    const blur = (name: string, across: Kernel, down: Kernel, alphaAlone: boolean) => {
      const kernels = [across, down].map((weights, axis) => store.row(`${name} ${axis}`, "R32F", weights));
      next("blur", { kernel: kernels[0]!, along: [1, 0], alphaAlone, floored: false });
      next("blur", { kernel: kernels[1]!, along: [0, 1], alphaAlone, floored: alphaAlone });
    };

    const curves = store.curves(plan.curves);
    passes.sheet.run(sheet, {
      ...store.planes(name, edit),
      planeAlpha: store.plane(`${name} alpha`, alpha, edit),
      curves,
      curved: plan.curves !== null,
    });
    if (plan.prefilter) blur("prefilter", plan.prefilter, plan.prefilter, false);
    if (plan.place?.whole) next("shift", { offset: [plan.place.right, plan.place.down] });
    else if (plan.place)
      next("warp", { ...store.axis("column", plan.place.columns), ...store.axis("row", plan.place.rows) });
    if (plan.choke) {
      const { radius, share, grows, stretch } = plan.choke;
      const discs = [radius, radius + 1].map((size) => discRows(size, stretch));
      const [rows, nextRows] = discs.map((disc, i) => store.row(`disc ${i}`, "R32I", disc));
      next("choke", { rows: rows!, nextRows: nextRows!, share, grows });
    }
    if (plan.feather) blur("feather", ...plan.feather, true);
    return sheet;
  }

  return {
    name: "WebGL2",
    compose,
    draw(view, { overlay, checkerboard, table }) {
      const uniforms = {
        view: VIEWS.indexOf(view),
        height: canvas.height,
        overlay,
        checkerboard,
        layered: top !== null,
        ...store.table(table),
      };
      passes.view.run(null, { source, result, top: top ?? source, ...uniforms });
      return canvas;
    },
    read(of, { x, y, width, height }) {
      const values = new Uint32Array(4 * width * height);
      gl.bindFramebuffer(gl.FRAMEBUFFER, { source, result, top: top ?? source }[of].framebuffer);
      gl.readPixels(x, y, width, height, gl.RGBA_INTEGER, gl.UNSIGNED_INT, values);
      return values;
    },
    destroy() {
      store.clear();
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
}
