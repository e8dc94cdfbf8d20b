// What is to be lifted out of a clip: pointed at in a frame, carried along it, mended by brush, and named.
import { signal } from "@preact/signals";
import { useLayoutEffect, useState } from "preact/hooks";
import type { Chosen, Point, Work } from "./api";
import { frame, playing } from "./clock";
import { take as takeKeys } from "./keys";
import { carried, carry, corrected, countsAt, drawing, framesOf, object, paintOver, stopCarrying, version } from "./masks";
import { cssOf, drawBox, drawMasks, drawPrompts, maskOf } from "./overlay";
import { paintLine } from "./paint";
import { Reasons } from "./Reasons";
import { encodeMask } from "./rle";
import { Surface, type Pointing } from "./Surface";
import { act, answer, draft, unsaved } from "./task";
import { Transport } from "./Transport";
import { Undo, UNDO } from "./Undo";
import { drawFrame, useReels } from "./useReels";

const OBJECTS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
type Tool = "click" | "box" | "brush";

// They stay as they are from task to task.
const toolInHand = signal<Tool>("click");
const brushRadius = signal(8);
const setTool = (tool: Tool) => void (toolInHand.value = tool);
const switchTool = (tool: Tool) => setTool(toolInHand.value === tool ? "click" : tool);
const setRadius = (radius: number) => void (brushRadius.value = Math.max(1, Math.min(200, radius)));

export function Annotate({ work }: { work: Work }) {
  const [beside, setBeside] = useState(false);
  const [tool, radius] = [toolInHand.value, brushRadius.value];
  const [why, setWhy] = useState(false);
  const clip = useReels(work, ["clip"]).get("clip")!;
  const pointing = usePointing(work, tool, beside, radius);
  const number = object.value;
  const chosen = draft.value?.objects[number];
  const barrier = chosen?.barriers?.includes(frame.value) ?? false;

  useLayoutEffect(() => {
    // Keys come faster than the page is drawn: what they do hangs on what is, not on what was shown.
    const say = (event: Record<string, unknown> & { kind: string }) => void act({ object: object.value, ...event });
    const now = () => draft.value?.objects[object.value];
    return takeKeys([
      ...OBJECTS.map((n) => ({ key: `${n}`, shown: n === 1 ? "1 to 9" : "", what: "Object", act: () => void (object.value = n) })),
      { key: "c", shown: "Click, C", what: "On the object (C: at the cross)", act: () => document.querySelector("canvas")?.focus() },
      { key: "v", shown: "Right click, V", what: "Beside the object", act: () => setBeside((held) => !held) },
      { key: "b", what: "Box", act: () => switchTool("box") },
      { key: "p", what: "Brush", act: () => switchTool("brush") },
      { key: "[", what: "Smaller brush", held: true, act: () => setRadius(brushRadius.value - 2) },
      { key: "]", what: "Larger brush", held: true, act: () => setRadius(brushRadius.value + 2) },
      { key: " ", shown: "Space", what: "Carry along the clip, or stop", act: () => (carried.value ? stopCarrying() : void carry()) },
      { key: "l", what: "Barrier in this frame", act: () => say({ kind: "barrier", frame: frame.value, on: !now()?.barriers?.includes(frame.value) }) },
      { key: "m", what: "Follow by motion", act: () => say({ kind: "moving", on: !now()?.moving }) },
      { key: "n", what: "Name the object", act: () => document.querySelector<HTMLInputElement>("#noun")?.focus() },
      ...UNDO,
      { key: "delete", shown: "Del", what: "Remove the object", act: () => say({ kind: "remove" }) },
      { key: "enter", shown: "Enter", what: "Done", act: () => void answer({ accept: true }) },
      { key: "x", what: "Unusable", act: () => setWhy(true) },
    ]);
  }, [work.lease]);

  return (
    <div class="work">
      <div class="stage">
        <Surface
          width={work.width}
          height={work.height}
          label={`Frame ${frame.value + 1}. Arrows move a cross, C clicks on the object, V beside it.`}
          cursor={tool === "brush" ? "cell" : "crosshair"}
          brush={tool === "brush" ? radius : undefined}
          pointing={pointing.handlers}
          draw={(context, scale) => {
            drawFrame(context, clip, frame.value, work.width, work.height);
            void version.value;
            drawMasks(context, work.width, work.height, shownMasks(work, pointing.painting));
            drawPrompts(context, chosen, frame.value, scale);
            if (pointing.box) drawBox(context, pointing.box, scale);
          }}
        />
        <Transport
          frames={work.frames}
          marks={{ ...framesOf(number), barriers: [...(chosen?.barriers ?? [])], color: cssOf(number) }}
        />
        <p class="quiet status" role="status">
          {statusOf(work)}
        </p>
      </div>
      <div class="side">
        <Tools beside={beside} setBeside={setBeside} />
        <Objects work={work} number={number} chosen={chosen} barrier={barrier} />
        <div class="row ends">
          <Undo />
          <button onClick={() => setWhy(true)}>
            Unusable <kbd>X</kbd>
          </button>
          <button class="main" onClick={() => void answer({ accept: true })}>
            Done <kbd>Enter</kbd>
          </button>
        </div>
      </div>
      {why && (
        <Reasons
          title="Why is the clip unusable?"
          reasons={work.reasons}
          onChoose={(reason) => void answer({ accept: false, reason })}
          onClose={() => setWhy(false)}
        />
      )}
    </div>
  );
}

function statusOf(work: Work): string {
  if (carried.value) return `Carried to ${carried.value.done} of ${work.frames} frames. Space stops.`;
  if (drawing.value) return "Drawing the mask";
  if (!Object.keys(draft.value?.objects ?? {}).length) return "Click on what is to be lifted out, or draw a box about it.";
  return unsaved.value ? "Saving" : "Saved";
}

function shownMasks(work: Work, painting: Uint8Array | null) {
  const numbers = Object.keys(draft.value?.objects ?? {}).map(Number);
  if (painting && !numbers.includes(object.value)) numbers.push(object.value);
  return numbers.flatMap((number) => {
    const strong = number === object.value;
    if (strong && painting) return [{ number, strong, mask: painting }];
    const counts = countsAt(number, frame.value);
    return counts ? [{ number, strong, mask: maskOf(counts, work.width, work.height) }] : [];
  });
}

/** Clicks, a box that is drawn, or strokes of the brush, by the tool in hand. */
function usePointing(work: Work, tool: Tool, beside: boolean, radius: number) {
  const [corner, setCorner] = useState<Point | null>(null);
  const [end, setEnd] = useState<Point | null>(null);
  const [painting, setPainting] = useState<Uint8Array | null>(null);
  const [erasing, setErasing] = useState(false);
  const number = object.value;
  const box = corner && end ? boxOf(corner, end) : null;

  const paint = (from: Point, to: Point, mask: Uint8Array, erase: boolean) => {
    paintLine(mask, work.width, work.height, from, to, radius, erase ? 0 : 1);
    setPainting(mask);
    setCorner(to);
    version.value = version.peek() + 1;
  };
  const handlers: Pointing = {
    down(point, other) {
      playing.value = false;
      const away = other !== beside;
      if (tool === "click") {
        const mask = corrected(number, frame.value);
        void act({ kind: away ? "minus" : "plus", object: number, frame: frame.value, point, ...(mask ? { mask } : {}) });
      } else if (tool === "box" && corner && end && corner[0] === end[0] && corner[1] === end[1]) {
        handlers.up!(point); // the other corner, by keys
      } else if (tool === "box") {
        setCorner(point);
        setEnd(point);
      } else {
        const counts = countsAt(number, frame.value);
        setErasing(away);
        paint(point, point, counts ? maskOf(counts, work.width, work.height).slice() : new Uint8Array(work.width * work.height), away);
      }
    },
    move(point) {
      if (tool === "box") setEnd(point);
      else if (tool === "brush" && painting && corner) paint(corner, point, painting, erasing);
    },
    up(point) {
      if (tool === "box" && corner && (corner[0] !== point[0] || corner[1] !== point[1])) {
        void act({ kind: "box", object: number, frame: frame.value, box: boxOf(corner, point) });
        setCorner(null);
        setEnd(null);
      } else if (tool === "brush") {
        setPainting((mask) => {
          if (!mask) return null;
          const counts = encodeMask(mask, work.width, work.height);
          paintOver(number, frame.value, counts);
          void act({ kind: "mask", object: number, frame: frame.value, mask: counts });
          return null;
        });
        setCorner(null);
      }
    },
  };
  return { handlers, box: tool === "box" ? box : null, painting };
}

const boxOf = (one: Point, other: Point): [number, number, number, number] => [
  Math.min(one[0], other[0]),
  Math.min(one[1], other[1]),
  Math.abs(one[0] - other[0]) + 1,
  Math.abs(one[1] - other[1]) + 1,
];

function Tools({ beside, setBeside }: { beside: boolean; setBeside(beside: boolean): void }) {
  const [tool, radius] = [toolInHand.value, brushRadius.value];
  const named: [Tool, string, string][] = [
    ["click", "Click", "C"],
    ["box", "Box", "B"],
    ["brush", "Brush", "P"],
  ];
  return (
    <fieldset class="tools">
      <legend class="quiet">Tool</legend>
      <div class="row">
        {named.map(([name, label, key]) => (
          <button key={name} aria-pressed={tool === name} onClick={() => setTool(name)}>
            {label} <kbd>{key}</kbd>
          </button>
        ))}
        <button aria-pressed={beside} onClick={() => setBeside(!beside)} title="For touch: as the right button does">
          {tool === "brush" ? "Erase" : "Beside"} <kbd>V</kbd>
        </button>
      </div>
      {tool === "brush" && (
        <label class="row">
          Radius
          <input type="range" min={1} max={100} value={radius} onInput={(event) => setRadius(Number(event.currentTarget.value))} />
          <output class="mono">{radius}</output>
        </label>
      )}
    </fieldset>
  );
}

interface ObjectsProps {
  work: Work;
  number: number;
  chosen: Chosen | undefined;
  barrier: boolean;
}

function Objects({ work, number, chosen, barrier }: ObjectsProps) {
  const objects = draft.value?.objects ?? {};
  const shown = OBJECTS.filter((n) => n === number || objects[n] || n === Object.keys(objects).length + 1);
  return (
    <fieldset class="objects">
      <legend class="quiet">Object</legend>
      <div class="row">
        {shown.map((n) => (
          <button key={n} aria-pressed={n === number} onClick={() => void (object.value = n)}>
            <Swatch color={cssOf(n)} /> {n}
          </button>
        ))}
      </div>
      <label>
        <span>
          What it is, in the singular <kbd>N</kbd>
        </span>
        <input
          id="noun"
          type="text"
          maxLength={80}
          placeholder="walking man"
          key={`${work.lease} ${number} ${chosen?.noun ?? ""}`}
          defaultValue={chosen?.noun ?? ""}
          onChange={(event) => void act({ kind: "noun", object: number, noun: event.currentTarget.value })}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
      </label>
      {work.proposals.length > 0 && (
        <label>
          Proposed by the engine
          <select
            value={chosen?.proposal ?? ""}
            onChange={(event) => {
              const value = event.currentTarget.value;
              const proposal = value === "" ? null : Number(value);
              void act({ kind: "proposal", object: number, proposal });
              if (proposal !== null) frame.value = work.proposals[proposal]!.frame;
            }}
          >
            <option value="">none</option>
            {work.proposals.map((one, index) => (
              <option key={index} value={index}>
                {index + 1}, in frame {one.frame + 1}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="check">
        <input type="checkbox" checked={chosen?.moving ?? false} onChange={(event) => void act({ kind: "moving", object: number, on: event.currentTarget.checked })} />
        Follow by motion, not by colours <kbd>M</kbd>
      </label>
      <label class="check">
        <input type="checkbox" checked={barrier} onChange={(event) => void act({ kind: "barrier", object: number, frame: frame.value, on: event.currentTarget.checked })} />
        Not carried into this frame or beyond <kbd>L</kbd>
      </label>
      <div class="row">
        <button onClick={() => (carried.value ? stopCarrying() : void carry())} disabled={!chosen}>
          {carried.value ? "Stop" : "Carry along the clip"} <kbd>Space</kbd>
        </button>
        <button onClick={() => void act({ kind: "remove", object: number })} disabled={!chosen}>
          Remove
        </button>
      </div>
    </fieldset>
  );
}

function Swatch({ color }: { color: string }) {
  return (
    <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" fill={color} />
    </svg>
  );
}
