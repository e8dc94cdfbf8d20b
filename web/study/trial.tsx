// One trial: look, choose three times, go on.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { mediaPath, QUESTIONS, type Question, type ShownTrial, type Side } from "./api";
import { deedOf, KEYS } from "./keys";
import { Player } from "./player";
import { Recorder, type Recorded } from "./record";

export interface TrialProps {
  session: string;
  number: number;
  done: number;
  total: number;
  trial: ShownTrial;
  questions: Record<Question, string>;
  opened: number;
  onAnswer(sides: Record<Question, Side>, record: Recorded): void;
}

export function Trial({ session, number, done, total, trial, questions, opened, onAnswer }: TrialProps) {
  const [sides, setSides] = useState<Partial<Record<Question, Side>>>({});
  const [heat, setHeat] = useState(false);
  const [playing, setPlaying] = useState(true);
  const [ready, setReady] = useState(false);
  const [seen, setSeen] = useState(false);
  const [restart, setRestart] = useState(0);
  const heading = useRef<HTMLHeadingElement>(null);
  const recorder = useRef<Recorder | null>(null);
  const note: Recorder["note"] = (kind, value) => recorder.current?.note(kind, value);
  const chosen = QUESTIONS.every((question) => sides[question]);

  useEffect(() => heading.current?.focus(), []);
  useEffect(() => watchWindow((kind, value) => note(kind, value)), []);

  function begin() {
    if (recorder.current) return;
    recorder.current = new Recorder(opened, () => performance.now());
    setReady(true);
    note("play");
  }

  const deeds = {
    choose(question: Question, side: Side) {
      if (!seen) return;
      note("choose", `${question} ${side}`);
      setSides((before) => ({ ...before, [question]: side }));
    },
    heat() {
      note("heat", heat ? "off" : "on");
      setHeat(!heat);
    },
    play: () => setPlaying((before) => !before),
    again() {
      note("play", "again");
      setRestart((before) => before + 1);
      setPlaying(true);
    },
    next() {
      if (chosen && seen && recorder.current) {
        onAnswer(sides as Record<Question, Side>, recorder.current.take(window));
      }
    },
  };
  const latest = useRef(deeds);
  latest.current = deeds;
  useLayoutEffect(() => listen(latest), []);

  const src = useMemo(() => mediaPath(session, number), [session, number]);
  return (
    <main class="trial">
      <header>
        <h1 ref={heading} tabIndex={-1}>
          Pair {done + 1} of {total}
        </h1>
        <progress max={total} value={done} aria-label="Pairs answered" />
      </header>
      <Player
        src={src}
        trial={trial}
        heat={heat}
        playing={playing}
        restart={restart}
        onReady={begin}
        onPass={() => {
          note("pass");
          setSeen(true);
        }}
        onWaiting={() => note("waiting")}
        onPlaying={setPlaying}
        beside={[
          <p key="instruction" class="instruction">
            <span class="quiet">Instruction</span> {trial.instruction}
          </p>,
          <Tools key="tools" playing={playing} heat={heat} deeds={deeds}>
            {status(ready, seen, heat)}
          </Tools>,
        ]}
      />
      <div class="questions">
        {QUESTIONS.map((question) => (
          <Choice
            key={question}
            question={question}
            text={questions[question]}
            value={sides[question]}
            open={seen}
            onChoose={(side) => deeds.choose(question, side)}
          />
        ))}
      </div>
      <button type="button" class="main next" disabled={!chosen} onClick={deeds.next}>
        Next <kbd>Enter</kbd>
      </button>
    </main>
  );
}

function status(ready: boolean, seen: boolean, heat: boolean): string {
  if (!ready) return "Loading the clip";
  if (!seen) return "Choices open when the clip has played once.";
  return heat ? "Black: as the source. Yellow: changed." : "";
}

interface ToolsProps {
  playing: boolean;
  heat: boolean;
  deeds: { play(): void; again(): void; heat(): void };
  children: ComponentChildren;
}

function Tools({ playing, heat, deeds, children }: ToolsProps) {
  return (
    <div class="tools">
      <button type="button" onClick={deeds.play}>
        {playing ? "Pause" : "Play"} <kbd>Space</kbd>
      </button>
      <button type="button" onClick={deeds.again}>
        From the start <kbd>R</kbd>
      </button>
      <button type="button" aria-pressed={heat} onClick={deeds.heat}>
        Difference <kbd>H</kbd>
      </button>
      <p class="quiet" role="status">
        {children}
      </p>
    </div>
  );
}

interface ChoiceProps {
  question: Question;
  text: string;
  value: Side | undefined;
  open: boolean;
  onChoose(side: Side): void;
}

function Choice({ question, text, value, open, onChoose }: ChoiceProps) {
  return (
    <fieldset class="choice" disabled={!open}>
      <legend>{text}</legend>
      {(["left", "right"] as const).map((side, place) => (
        <label key={side} class={value === side ? "chosen" : ""}>
          <input type="radio" name={question} value={side} checked={value === side} onChange={() => onChoose(side)} />
          {side === "left" ? "First" : "Second"} <kbd>{KEYS[question][place]}</kbd>
        </label>
      ))}
    </fieldset>
  );
}

function listen(latest: { current: Record<string, (...given: never[]) => void> }): () => void {
  const press = (event: KeyboardEvent) => {
    const deed = deedOf(event);
    if (!deed || event.repeat || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const run = latest.current[deed.kind] as (...given: string[]) => void;
    if (deed.kind === "choose") run(deed.question, deed.side);
    else run();
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}

function watchWindow(note: Recorder["note"]): () => void {
  const turned = () => note(document.hidden ? "hidden" : "shown");
  const resized = () => note("resize", `${innerWidth}x${innerHeight}`);
  document.addEventListener("visibilitychange", turned);
  addEventListener("resize", resized);
  return () => {
    document.removeEventListener("visibilitychange", turned);
    removeEventListener("resize", resized);
  };
}
