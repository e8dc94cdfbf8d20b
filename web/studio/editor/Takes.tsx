import { useSignal } from "@preact/signals";
import * as api from "../api/client";
import type { Take } from "../api/types";
import { askAgain, binTake, cancelTake, layTake, nextSeed, restoreTake } from "../state/acts";
import { duration } from "../state/estimate";
import { jobs, share, takeJob } from "../state/jobs";
import { guard } from "../state/notices";
import { chosenTake, doc, readTakes, takes } from "../state/session";
import { EmptyBin } from "./Bin";
import { Bring } from "./Bring";
import { Layerize } from "./Layerize";

/** All takes of the project, the newest first, and the bin. */
export function Takes() {
  const binned = useSignal(false);
  const bin = takes.value.filter((take) => take.binned);
  const shown = takes.value.filter((take) => take.binned === binned.value);
  return (
    <section class="takes" aria-label="Takes">
      <h2>
        {binned.value ? "Bin" : "Takes"}
        <Bring />
        <Layerize />
        <button
          class="plain"
          aria-pressed={binned.value}
          disabled={!bin.length && !binned.value}
          onClick={() => void (binned.value = !binned.value)}
        >
          Bin ({bin.length})
        </button>
        {binned.value && bin.length > 0 && <EmptyBin count={bin.length} />}
      </h2>
      {!shown.length && <p class="quiet empty">{binned.value ? "The bin is empty." : "Takes appear here, with previews of each step."}</p>}
      <ul>
        {shown.map((take) => (
          <Card key={take.id} take={take} />
        ))}
      </ul>
    </section>
  );
}

function Card({ take }: { take: Take }) {
  const job = jobs.value.get(take.job ?? "");
  const state = job?.state ?? take.state;
  const chosen = chosenTake.value === take.id;
  const name = take.instruction || "Layerized clip";
  const choose = () => void (chosenTake.value = take.id);
  return (
    <li class={chosen ? "card selected" : "card"} onClick={choose} onFocusIn={choose}>
      <Pictures take={take} />
      <p class="name" title={name}>
        {name}
      </p>
      <p class="facts">
        <span class="mono">{take.seed === null ? "layerized" : `seed ${take.seed}`}</span>
        <span class="quiet" title={take.error ?? job?.error ?? ""}>
          {stateOf(take, state)}
        </span>
      </p>
      {state === "running" && job && <progress max={1} value={share(job)} aria-label={`Progress of ${name}`} />}
      <div class="row">{take.binned ? <Restore take={take} /> : <Buttons take={take} state={state} />}</div>
    </li>
  );
}

function Restore({ take }: { take: Take }) {
  return <button onClick={() => void guard(() => restoreTake(take))}>Restore</button>;
}

function Buttons({ take, state }: { take: Take; state: Take["state"] }) {
  const going = state === "running" || state === "queued";
  const laid = doc.value!.layers.some((layer) => layer.take === take.id);
  return (
    <>
      {state === "done" && take.media && (
        <button onClick={() => layTake(take)} title={laid ? "It is a layer already; this lays it once more" : "Lay it over the other layers"}>
          {laid ? "Lay again" : "Lay over"}
        </button>
      )}
      {going && <button onClick={() => void guard(() => cancelTake(take))}>Cancel</button>}
      {["failed", "cancelled"].includes(state) && <button onClick={() => void guard(() => retry(take))}>Retry</button>}
      {take.kind === "edit" && <Again take={take} going={going} />}
      {!going && (
        <button
          class="plain"
          title="Move to the bin"
          aria-label={`Delete take of seed ${take.seed}`}
          onClick={() => void guard(() => binTake(take))}
        >
          Delete
        </button>
      )}
    </>
  );
}

function Pictures({ take }: { take: Take }) {
  const job = jobs.value.get(take.job ?? "");
  const [step, started] = [job?.previews ?? take.previews, job?.started ?? 0];
  const middle = take.count >> 1;
  if (take.job && step)
    return (
      <div class="pictures">
        <img src={api.previewUrl(take.job, step, "composite", started)} alt={`Composite at step ${step}`} />
        <img src={api.previewUrl(take.job, step, "alpha", started)} alt={`Alpha at step ${step}`} />
      </div>
    );
  if (take.media)
    return (
      <div class="pictures">
        <img src={take.media.still.replace("{n}", String(middle))} alt="Alpha" loading="lazy" />
      </div>
    );
  return <div class="pictures empty" />;
}

function Again({ take, going }: { take: Take; going: boolean }) {
  return (
    <>
      <button
        title={going ? "Key N: stop it and take the next seed" : "Key N: the same with the next seed"}
        onClick={() => void guard(() => nextSeed(take))}
      >
        Next seed
      </button>
      <button class="plain" title="Fill the form with what this take was asked with" onClick={() => askAgain(take)}>
        Settings
      </button>
    </>
  );
}

async function retry({ job }: Take): Promise<void> {
  if (job) takeJob(await api.retryJob(job));
  await readTakes();
}

const WORDS = { queued: "waits", running: "starts", done: "done", failed: "failed", cancelled: "cancelled" };

function stateOf(take: Take, state: Take["state"]): string {
  const progress = jobs.value.get(take.job ?? "")?.progress;
  if (state === "done" && !take.media) return "preparing preview";
  if (state !== "running" || !progress) return WORDS[state];
  const left = progress.eta ? `, ${duration(progress.eta)} left` : "";
  return `${progress.stage} ${progress.done}/${progress.total}${left}`;
}
