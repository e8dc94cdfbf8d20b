// Two answers side by side, nobody's names; one of them is taken, or the task is done anew.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Annotate } from "./Annotate";
import { call } from "../shared/call";
import { leasePath, lines, type Answer, type Differing, type Work } from "./api";
import { frame } from "./clock";
import { Curate, Filter, Words } from "./gates";
import { take as takeKeys } from "./keys";
import { problem } from "./notices";
import { drawMasks, maskOf } from "./overlay";
import { Surface } from "./Surface";
import { answer, attempt } from "./task";
import { Transport } from "./Transport";
import { drawFrame, useReels } from "./useReels";

export function Adjudicate({ work }: { work: Work }) {
  const [pair, setPair] = useState<Differing | null>(null);
  const [anew, setAnew] = useState(false);
  useEffect(() => {
    setPair(null);
    setAnew(false);
    void attempt(() => call<Differing>("GET", `${leasePath(work.lease)}/pair`)).then((found) => found && setPair(found));
  }, [work.lease]);
  const take = (which: 0 | 1) => void answer({ which }, "adopted");
  useLayoutEffect(() => {
    if (anew) return undefined;
    if (!pair) return takeKeys([]); // nobody decides of what is not shown yet
    return takeKeys([
      { key: "1", what: "Take the first answer", act: () => take(0) },
      { key: "2", what: "Take the second answer", act: () => take(1) },
      { key: "n", what: "Answer it anew", act: () => setAnew(true) },
    ]);
  }, [anew, pair, work.lease]);

  if (anew) return <Anew work={work} />;
  if (!pair) return <p class="empty">Loading</p>;
  return (
    <div class="pair">
      <h1>
        Which answer is right? <span class="quiet">They are the same to {Math.round(100 * pair.agreement)} %.</span>
      </h1>
      <div class="sides">
        {([0, 1] as const).map((which) => (
          <Side key={which} work={work} which={which} said={pair.answers[which]!} onTake={() => take(which)} />
        ))}
      </div>
      <Transport frames={work.frames} />
      <div class="row ends">
        <button onClick={() => setAnew(true)}>
          Neither: answer it anew <kbd>N</kbd>
        </button>
      </div>
    </div>
  );
}

function Anew({ work }: { work: Work }) {
  if (work.gate === "annotate") return <Annotate work={work} />;
  if (work.gate === "filter") return <Filter work={work} />;
  return work.gate === "curate" ? <Curate work={work} /> : <Words work={work} />;
}

interface SideProps {
  work: Work;
  which: 0 | 1;
  said: Answer;
  onTake(): void;
}

function Side({ work, which, said, onTake }: SideProps) {
  const view = work.gate === "filter" ? "plate" : work.views[0]!;
  const reel = useReels(work, [view]).get(view)!;
  const masks = useMasks(work, which, said);
  return (
    <section aria-label={which ? "Second answer" : "First answer"}>
      <Surface
        width={work.width}
        height={work.height}
        label={`${which ? "Second" : "First"} answer, frame ${frame.value + 1}`}
        draw={(context) => {
          drawFrame(context, reel, frame.value, work.width, work.height);
          const shown = masks.flatMap((held, index) => {
            const counts = held.get(frame.value);
            return counts ? [{ number: index + 1, strong: true, mask: maskOf(counts, work.width, work.height) }] : [];
          });
          drawMasks(context, work.width, work.height, shown);
        }}
      />
      <p>{told(said)}</p>
      <button class="main" onClick={onTake}>
        Take the {which ? "second" : "first"} <kbd>{which + 1}</kbd>
      </button>
    </section>
  );
}

function told(said: Answer): string {
  if (said.objects) return said.objects.map((one) => one.noun).join(", ");
  if (said.unusable) return `Unusable: ${said.unusable}`;
  if (!said.accept) return `Reject: ${said.reason}`;
  return ["Accept", said.instruction, said.before, said.after].filter(Boolean).join(". ");
}

/** Masks of each object of an answer, by frame, as they come. */
function useMasks(work: Work, which: 0 | 1, said: Answer): Map<number, string>[] {
  const [masks, setMasks] = useState<Map<number, string>[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const found = (said.objects ?? []).map(() => new Map<number, string>());
    setMasks(found);
    found.forEach((held, index) => {
      const path = `${leasePath(work.lease)}/pair/${which}/masks/${index + 1}`;
      lines<{ frame: number; counts: string }>(path, stop.signal, (line) => {
        held.set(line.frame, line.counts);
        setMasks([...found]);
      }).catch((error) => !stop.signal.aborted && problem(error));
    });
    return () => stop.abort();
  }, [work.lease, which]);
  return masks;
}
