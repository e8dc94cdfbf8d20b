/** What the viewer tells and is told, as signals with what holds before anything is loaded. */

import { type Signal, signal } from "@preact/signals";
import type { ViewerSignals } from "./types";

/** The same signals where all may be set: the viewer's own side. */
export type ViewerTold = { -readonly [Name in keyof ViewerSignals]: Signal<ViewerSignals[Name]["value"]> };

export function viewerSignals(): ViewerTold {
  return {
    frame: signal(0),
    frameCount: signal(0),
    playing: signal(false),
    speed: signal(0),
    view: signal("result"),
    wipe: signal({ on: false, position: 0.5, left: "source", right: "result" }),
    overlay: signal(false),
    checkerboard: signal(false),
    table: signal(null),
    zoom: signal(null),
    center: signal(null),
    picture: signal({ left: 0, top: 0, scale: { x: 1, y: 1 } }),
    inPoint: signal(null),
    outPoint: signal(null),
    loop: signal(true),
    muted: signal(false),
    cursor: signal(null),
    samples: signal(null),
    capability: signal(null),
    exactShown: signal(false),
    status: signal(""),
  };
}
