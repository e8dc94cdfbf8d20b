// A verdict on what was made of a clip: a removal, a matte or words, seen from all sides.
import { useLayoutEffect, useState } from "preact/hooks";
import type { View, Work } from "./api";
import { frame } from "./clock";
import { take as takeKeys, type Key } from "./keys";
import { Reasons } from "./Reasons";
import { Sheet } from "./Sheet";
import { Surface, type Pointing } from "./Surface";
import { answer, takeBack } from "./task";
import { Transport } from "./Transport";
import { drawFrame, useReels } from "./useReels";
import type { ComponentChildren } from "preact";

export const NAMES: Record<View, string> = {
  clip: "Clip",
  plate: "Without it",
  difference: "Difference ×4",
  evidence: "Evidence",
  alpha: "Alpha",
  checker: "Checkerboard",
  plain: "Plain",
  result: "New background",
};
type Shown = View | "wipe" | "sheet";

export interface JudgeProps {
  work: Work;
  question: string;
  said?: () => Record<string, unknown>;
  more?: Key[];
  pointing?: Pointing | undefined;
  brush?: number | undefined;
  /** Drawn over the picture. */
  over?: (context: CanvasRenderingContext2D) => void;
  version?: string;
  children?: ComponentChildren;
}

export function Judge({ work, question, said, more, pointing, brush, over, version, children }: JudgeProps) {
  const [shown, setShown] = useState<Shown>(work.views[0]!);
  const [part, setPart] = useState(0.5);
  const [why, setWhy] = useState(false);
  const [gain, setGain] = useState(1);
  const reels = useReels(work, work.views, version);
  const [first, second] = [reels.get(work.views[0]!)!, reels.get(work.views[1]!)!];
  const wipes = work.gate === "filter" || work.gate.endsWith("proofread");
  const choices: Shown[] = [...work.views, ...(wipes ? (["wipe"] as const) : []), "sheet"];
  const brighten = () => setGain((held) => (held === 1 ? 4 : held === 4 ? 16 : 1));
  const accept = () => void answer({ accept: true, ...(said?.() ?? {}) });

  useLayoutEffect(() => {
    return takeKeys([
      ...choices.map((view, index) => ({ key: `${index + 1}`, what: label(view), act: () => setShown(view) })),
      { key: "w", what: "Wipe", act: () => wipes && setShown("wipe") },
      { key: "a", what: "Accept", act: accept },
      { key: "r", what: "Reject, with a reason", act: () => setWhy(true) },
      { key: "u", what: "Take back the last answer", act: () => void takeBack() },
      ...(work.views.includes("alpha") ? [{ key: "m", what: "Alpha four and sixteen times as bright", act: brighten }] : []),
      ...(more ?? []),
    ]);
  });

  const reel = shown === "wipe" || shown === "sheet" ? first : reels.get(shown)!;
  return (
    <div class="work">
      <div class="stage">
        {shown === "sheet" ? (
          <Sheet reel={first} work={work} />
        ) : (
          <Surface
            width={work.width}
            height={work.height}
            label={`${label(shown)}, frame ${frame.value + 1}`}
            pointing={shown === "wipe" ? wiping(setPart, work.width) : pointing}
            brush={shown === "wipe" ? undefined : brush}
            draw={(context, scale) => {
              const { width, height } = work;
              drawFrame(context, reel, frame.value, width, height);
              if (shown === "alpha") addUp(context, gain, () => drawFrame(context, reel, frame.value, width, height));
              if (shown !== "wipe") return over?.(context);
              const x = Math.round(part * width);
              context.save();
              context.beginPath();
              context.rect(x, 0, width - x, height);
              context.clip();
              drawFrame(context, second, frame.value, width, height);
              context.restore();
              context.fillStyle = "#fff";
              context.fillRect(x - scale, 0, 2 * scale, height);
            }}
          />
        )}
        <Transport frames={work.frames} />
      </div>
      <div class="side">
        <h1>{question}</h1>
        <fieldset>
          <legend class="quiet">Shown</legend>
          <div class="row">
            {choices.map((view, index) => (
              <button key={view} aria-pressed={shown === view} onClick={() => setShown(view)}>
                {label(view)} <kbd>{index + 1}</kbd>
              </button>
            ))}
          </div>
          {shown === "wipe" && (
            <label>
              Wipe
              <input type="range" min={0} max={1} step={0.01} value={part} onInput={(event) => setPart(Number(event.currentTarget.value))} />
            </label>
          )}
        </fieldset>
        {shown === "alpha" && (
          <button aria-pressed={gain > 1} onClick={brighten}>
            Brightness ×{gain} <kbd>M</kbd>
          </button>
        )}
        {children}
        <div class="row ends">
          <button onClick={() => void takeBack()}>
            Take back <kbd>U</kbd>
          </button>
          <button onClick={() => setWhy(true)}>
            Reject <kbd>R</kbd>
          </button>
          <button class="main" onClick={accept}>
            Accept <kbd>A</kbd>
          </button>
        </div>
      </div>
      {why && (
        <Reasons
          title="Why not?"
          reasons={work.reasons}
          onChoose={(reason) => void answer({ accept: false, reason })}
          onClose={() => setWhy(false)}
        />
      )}
    </div>
  );
}

/** Draw something as often as to make it `times` as bright. */
function addUp(context: CanvasRenderingContext2D, times: number, draw: () => void): void {
  context.globalCompositeOperation = "lighter";
  for (let more = 1; more < times; more++) draw();
  context.globalCompositeOperation = "source-over";
}

const label = (shown: Shown) => (shown === "wipe" ? "Wipe" : shown === "sheet" ? "Contact sheet" : NAMES[shown]);

const wiping = (setPart: (part: number) => void, width: number): Pointing => {
  const move = ([x]: [number, number]) => setPart((x + 0.5) / width);
  return { down: move, move };
};
