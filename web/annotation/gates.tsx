// The gates at which something is judged: removals, mattes, words.
import { useRef, useState } from "preact/hooks";
import type { Point, Work } from "./api";
import { frame } from "./clock";
import { Judge } from "./Judge";
import { act, draft } from "./task";

export function Filter({ work }: { work: Work }) {
  return <Judge work={work} question={`Is nothing left of the ${work.noun || "object"}, and is the rest as it was?`} />;
}

export function Curate({ work }: { work: Work }) {
  const [radius, setRadius] = useState(6);
  const [erase, setErase] = useState(false);
  const [whole, setWhole] = useState(false);
  const [scene, setScene] = useState("");
  const line = useRef<{ points: Point[]; away: boolean } | null>(null);
  const strokes = draft.value?.strokes.length ?? 0;
  const range: [number, number] = whole ? [0, work.frames - 1] : [frame.value, frame.value];
  const pointing = {
    down: (point: Point, beside: boolean) => {
      line.current = { points: [point], away: beside !== erase };
    },
    move: (point: Point) => void line.current?.points.push(point),
    up: (point: Point) => {
      if (!line.current) return;
      const { points: drawn, away } = line.current;
      const points = [...drawn, point].filter((one, index, all) => !index || one.join() !== all[index - 1]!.join());
      line.current = null;
      void act({ kind: "stroke", stroke: { points, radius, softness: 0.3, mode: away ? "subtract" : "add", range } });
    },
  };
  return (
    <Judge
      work={work}
      question={`Is this all of the ${work.noun || "object"}, and nothing else?`}
      said={() => ({ scene })}
      version={`?strokes=${strokes}`}
      pointing={pointing}
      more={[
        { key: "[", what: "Smaller brush", act: () => setRadius((held) => Math.max(1, held - 1)) },
        { key: "]", what: "Larger brush", act: () => setRadius((held) => Math.min(100, held + 1)) },
        { key: "e", what: "Paint or erase", act: () => setErase((held) => !held) },
        { key: "z", what: "Undo a stroke", act: () => void act({ kind: "undo" }) },
      ]}
    >
      <fieldset>
        <legend class="quiet">Brush: on the picture</legend>
        <div class="row">
          <button aria-pressed={!erase} onClick={() => setErase(false)}>
            Add
          </button>
          <button aria-pressed={erase} onClick={() => setErase(true)}>
            Take away <kbd>E</kbd>
          </button>
          <button disabled={!draft.value?.can_undo} onClick={() => void act({ kind: "undo" })}>
            Undo <kbd>Z</kbd>
          </button>
        </div>
        <label class="row">
          Radius
          <input type="range" min={1} max={60} value={radius} onInput={(event) => setRadius(Number(event.currentTarget.value))} />
          <output class="mono">{radius}</output>
        </label>
        <label class="check">
          <input type="checkbox" checked={whole} onChange={(event) => setWhole(event.currentTarget.checked)} />
          In all frames
        </label>
      </fieldset>
      <label>
        What is behind it, for the instruction
        <input type="text" maxLength={200} placeholder="a street in the sun" value={scene} onInput={(event) => setScene(event.currentTarget.value)} />
      </label>
    </Judge>
  );
}

const FIELDS = { instruction: "Instruction", before: "Caption before", after: "Caption after" } as const;
type Field = keyof typeof FIELDS;

export function Words({ work }: { work: Work }) {
  const [words, setWords] = useState(work.words);
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
