import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api/client";
import type { Job, Master, Target, WrittenFile } from "../api/types";
import { jobs, share, takeJob } from "../state/jobs";
import { size } from "../parts/size";
import { when } from "../parts/when";
import { guard } from "../state/notices";
import { once } from "../state/once";
import { clip, doc, projectId, saveNow } from "../state/session";

/** Masters with what each promises, layers for other programs, and what was written. */
export function Export() {
  const masters = useSignal<Master[]>([]);
  const targets = useSignal<Target[]>([]);
  useEffect(() => {
    void guard(async () => {
      [masters.value, targets.value] = await Promise.all([api.masters(), api.targets()]);
    });
  }, []);
  if (!doc.value || !clip.value) return <p class="quiet empty">Opening the project</p>;
  return (
    <div class="page export">
      <h1>Export {doc.value.name}</h1>
      <div class="columns">
        <Masters masters={masters.value} />
        <Targets targets={targets.value} />
      </div>
      <Files />
    </div>
  );
}

function start(what: string, ask: (project: string) => Promise<Job>): Promise<void> {
  return once(`${what} of ${projectId.value}`, async () => takeJob(await ask(await saveNow())));
}

function Masters({ masters }: { masters: Master[] }) {
  const chosen = useSignal<Master["name"]>("exact");
  const codec = useSignal("");
  const master = masters.find(({ name }) => name === chosen.value);
  const render = () => start(`master ${chosen.value} ${codec.value}`, (project) => api.renderResult(project, { master: chosen.value, codec: codec.value || null }));
  return (
    <section aria-label="Master">
      <h2>Master</h2>
      <p class="quiet">The whole clip with its layers laid over.</p>
      <fieldset class="options">
        <legend class="sr">Kind of master</legend>
        {masters.map(({ name, title, promise }) => (
          <label key={name} class={name === chosen.value ? "option chosen" : "option"}>
            <input
              type="radio"
              name="master"
              checked={name === chosen.value}
              onChange={() => {
                chosen.value = name;
                codec.value = "";
              }}
            />
            <span>
              <strong>{title}</strong>
              <span class="quiet">{promise}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {master && master.codecs.length > 0 && (
        <label class="line">
          <span>Codec</span>
          <select value={codec.value} onChange={({ currentTarget: { value } }) => void (codec.value = value)}>
            <option value="">By the source</option>
            {master.codecs.map(({ name, suffixes }) => (
              <option key={name} value={name}>
                {name} ({suffixes.join(", ")})
              </option>
            ))}
          </select>
        </label>
      )}
      <button
        class="main"
        disabled={!master}
        onClick={() => void guard(render)}
      >
        Render the master
      </button>
    </section>
  );
}

function Targets({ targets }: { targets: Target[] }) {
  const none = !doc.value!.layers.some(({ on }) => on);
  return (
    <section aria-label="Layers for other programs">
      <h2>Layers for other programs</h2>
      <p class="quiet">
        {none
          ? "No layer is on: there is nothing to export."
          : "Each layer that is on, at the source's size, with the steps to take in that program."}
      </p>
      <ul class="targets">
        {targets.map(({ name, title, alpha, steps }) => (
          <li key={name}>
            <details>
              <summary>
                {plain(title)} <span class="quiet">{alpha} alpha</span>
              </summary>
              <p class="quiet steps">{steps}</p>
            </details>
            <button
              disabled={none}
              aria-label={`Export ${plain(title)}`}
              onClick={() => void guard(() => start(name, (project) => api.exportLayers(project, { target: name })))}
            >
              Export
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A title without its article. */
const plain = (title: string) => title.replace(/^an? /, "");

function Files() {
  const written = useSignal<WrittenFile[]>([]);
  const mine = useComputed(() =>
    [...jobs.value.values()].filter(({ kind, spec }) => (kind === "composite" || kind === "export") && spec.project === projectId.value),
  );
  const done = mine.value.filter(({ state }) => state === "done").length;
  useEffect(() => {
    const id = projectId.value;
    if (id) void guard(async () => void (written.value = await api.files(id)));
  }, [done, projectId.value]);
  async function remove(file: string): Promise<void> {
    await api.deleteFile(projectId.value!, file);
    written.value = written.value.filter(({ id }) => id !== file);
  }
  const going = mine.value.filter(({ state }) => state !== "done" && state !== "cancelled");
  return (
    <section aria-label="Files">
      <h2>Files</h2>
      {!written.value.length && !going.length && <p class="quiet">Nothing was written yet.</p>}
      <ul class="list files">
        {going.map((job) => (
          <li key={job.id}>
            <span>{String(job.spec.target ?? job.spec.master ?? job.kind)}</span>
            {job.state === "failed" ? (
              <span class="error">{job.error}</span>
            ) : (
              <progress max={1} value={share(job)} aria-label="Writing" />
            )}
            <span class="quiet">{job.state}</span>
            <span />
            <span />
          </li>
        ))}
        {written.value.map(({ id, name, url, bytes, kind, about, created }) => (
          <li key={id}>
            <a href={url} download>
              {name}
            </a>
            <span class="quiet">{kind === "result" ? `${about.master} master` : "export"}</span>
            <span class="quiet">{when(created)}</span>
            <span class="mono quiet">{size(bytes)}</span>
            <button class="plain" aria-label={`Delete ${name}`} onClick={() => void guard(() => remove(id))}>
              Delete
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
