// The gates at which something is judged: removals, mattes, words.
import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Point, Work } from "./api";
import { frame, playing } from "./clock";
import { Judge } from "./Judge";
import { act, draft, seq } from "./task";
import { useTyped } from "./typed";
import { Undo, UNDO } from "./Undo";

export function Filter({ work }: { work: Work }) {
  return <Judge work={work} question={`Is nothing left of the ${work.noun || "object"}, and is the rest as it was?`} />;
}

export function Curate({ work }: { work: Work }) {
  const [radius, setRadius] = useState(6);
  const [tool, setTool] = useState<Tool>("add");
  const [whole, setWhole] = useState(false);
  const [scene, setScene] = useTyped(work, "scene", "");
  const line = useSignal<Line | null>(null);
  const range: [number, number] = whole ? [0, work.frames - 1] : [frame.value, frame.value];
  const pointing = {
    down: (point: Point, beside: boolean) => {
      playing.value = false;
      if (tool === "part") void act({ kind: "part", frame: frame.peek(), point });
      else line.value = { points: [point], away: beside !== (tool === "take away") };
    },
    move: (point: Point) => {
      const held = line.peek();
      if (held && !held.done) line.value = { ...held, points: [...held.points, point] };
    },
    up: (point: Point) => {
      const held = line.peek();
      if (!held || held.done) return;
      const done = (line.value = { ...held, done: true });
      const points = [...held.points, point].filter((one, index, all) => !index || one.join() !== all[index - 1]!.join());
      const mode = held.away ? "subtract" : "add";
      void act({ kind: "stroke", stroke: { points, radius, softness: 0.3, mode, range } }).then(() => {
        if (line.peek() === done) line.value = null; // else the next one is being drawn
      });
    },
  };
  return (
    <Judge
      work={work}
      question={`Is this all of the ${work.noun || "object"}, and nothing else?`}
      said={() => ({ scene })}
      version={`?seq=${seq.value}`}
      pointing={pointing}
      brush={tool === "part" ? undefined : radius}
      over={(context) => line.value && drawLine(context, line.value, radius)}
      more={[
        { key: "[", what: "Smaller brush", held: true, act: () => setRadius((held) => Math.max(1, held - 1)) },
        { key: "]", what: "Larger brush", held: true, act: () => setRadius((held) => Math.min(100, held + 1)) },
        { key: "e", what: "Paint or erase", act: () => setTool((held) => (held === "add" ? "take away" : "add")) },
        { key: "p", what: "Parts", act: () => setTool("part") },
        ...UNDO,
      ]}
    >
      <fieldset>
        <legend class="quiet">On the picture</legend>
        <div class="row">
          <button aria-pressed={tool === "add"} onClick={() => setTool("add")}>
            Add
          </button>
          <button aria-pressed={tool === "take away"} onClick={() => setTool("take away")}>
            Take away <kbd>E</kbd>
          </button>
          <button aria-pressed={tool === "part"} onClick={() => setTool("part")}>
            Parts <kbd>P</kbd>
          </button>
        </div>
        {tool === "part" ? (
          <p class="quiet">A click takes away what hangs together there, in all frames; a second one brings it back.</p>
        ) : (
          <>
            <label class="row">
              Radius
              <input type="range" min={1} max={60} value={radius} onInput={(event) => setRadius(Number(event.currentTarget.value))} />
              <output class="mono">{radius}</output>
            </label>
            <label class="check">
              <input type="checkbox" checked={whole} onChange={(event) => setWhole(event.currentTarget.checked)} />
              In all frames
            </label>
          </>
        )}
      </fieldset>
      <Levels />
      <div class="row">
        <Undo />
      </div>
      <label>
        What is behind it, for the instruction
        <input type="text" maxLength={200} placeholder="a street in the sun" value={scene} onInput={(event) => setScene(event.currentTarget.value)} />
      </label>
    </Judge>
  );
}

type Tool = "add" | "take away" | "part";

interface Line {
  points: Point[];
  away: boolean;
  done?: boolean; // shown until it is saved
}

/** The stroke that is being drawn: green adds, red takes away. */
function drawLine(context: CanvasRenderingContext2D, { points, away }: Line, radius: number): void {
  context.strokeStyle = away ? "#c03a2b99" : "#1d8f4e99";
  context.lineWidth = 2 * radius + 1;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x + 0.5, y + 0.5);
  const [x, y] = points.at(-1)!;
  context.lineTo(x + 0.5, y + 0.5); // or one point alone would be nothing
  context.stroke();
}

const LEAST = 0.01; // that the levels are apart

/** What of the matte is nothing, and what is all. */
function Levels() {
  const [low, high] = draft.value?.levels ?? [0, 1];
  const say = (levels: [number, number]) => void act({ kind: "levels", levels });
  const sliders = [
    ["Nothing below", low, (value: number) => say([Math.min(value, high - LEAST), high])],
    ["All above", high, (value: number) => say([low, Math.max(value, low + LEAST)])],
  ] as const;
  return (
    <fieldset>
      <legend class="quiet">Levels of the matte</legend>
      {sliders.map(([name, value, change]) => (
        <label key={name} class="row">
          {name}
          <input type="range" min={0} max={1} step={0.01} value={value} onChange={(event) => change(Number(event.currentTarget.value))} />
          <output class="mono">{Math.round(100 * value)} %</output>
        </label>
      ))}
    </fieldset>
  );
}

const FIELDS = { instruction: "Instruction", before: "Caption before", after: "Caption after" } as const;
type Field = keyof typeof FIELDS;

export function Words({ work }: { work: Work }) {
  const [words, setWords] = useTyped(work, "words", work.words);
  const changed = () =>
    Object.fromEntries((Object.keys(FIELDS) as Field[]).filter((name) => words[name] !== work.words[name]).map((name) => [name, words[name]]));
  return (
    <Judge work={work} question="Do the words say what is to be seen?" said={changed}>
      <div class="words-fields">
        {(Object.keys(FIELDS) as Field[])
          .filter((name) => name === "instruction" || work.words[name] !== undefined)
          .map((name) => (
            <label key={name}>
              {FIELDS[name]}
              <textarea
                rows={name === "instruction" ? 4 : 5}
                maxLength={name === "instruction" ? 400 : 1500}
                value={words[name] ?? ""}
                onInput={(event) => setWords({ ...words, [name]: event.currentTarget.value })}
              />
            </label>
          ))}
        <p class="quiet">
          {work.gate === "proofread"
            ? 'Begins with "Add ". '
            : 'Begins with "Change the background to ", ends with "Keep the ... intact." '}
          Never "depth of field".
        </p>
      </div>
    </Judge>
  );
}
