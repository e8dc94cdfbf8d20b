// The pages: their head, the one that is open, lines for the user.
import type { ComponentType } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { KeySheet } from "../shared/KeySheet";
import { Adjudicate } from "./Adjudicate";
import { Annotate } from "./Annotate";
import type { Gate, Role, Work } from "./api";
import { Curate, Filter, Words } from "./gates";
import { CLIP, keys, nameOf, sheetOpen, type Key } from "./keys";
import { dismiss, notices } from "./notices";
import { disputed, gateOf } from "./progress";
import { hash, isTask, PAGES, pageOf, type Page } from "./route";
import { Status } from "./Status";
import { cut, looking, name, person, unsaved, work } from "./task";

const OF: Record<Gate, ComponentType<{ work: Work }>> = {
  annotate: Annotate,
  filter: Filter,
  curate: Curate,
  proofread: Words,
  background_proofread: Words,
};

export function App() {
  const page = pageOf(hash.value);
  return (
    <>
      <Head />
      <main>{isTask(page) ? person.value ? <Task gate={page.gate} role={page.role} /> : <Who /> : <Status />}</main>
      <Notices />
      <KeySheet
        open={sheetOpen}
        sections={[
          ["This page", rows(keys.value.filter((key) => key.shown !== ""))],
          ["The clip", rows(CLIP.filter((key) => key.shown !== ""))],
        ]}
      />
    </>
  );
}

function Head() {
  return (
    <header class="head">
      <a class="brand" href="#status">
        Vera
      </a>
      <nav aria-label="Pages">
        {PAGES.filter((page) => isShown(page)).map((page) => (
          <a key={page.hash} href={`#${page.hash}`} aria-current={pageOf(hash.value) === page ? "page" : undefined}>
            {page.label} <span class="quiet">{countOf(page) || ""}</span>
          </a>
        ))}
      </nav>
      <span class="space" />
      {cut.value && <span class="warn">Not connected, trying again</span>}
      {!cut.value && work.value && <span class="quiet">{unsaved.value ? "Saving" : "Saved"}</span>}
      {person.value && (
        <button class="plain" title="Be somebody else" onClick={() => name("")}>
          {person.value}
        </button>
      )}
      <button aria-label="Keys" title="Keys: ?" onClick={() => void (sheetOpen.value = true)}>
        ?
      </button>
    </header>
  );
}

/** Gates that the build has no use for are left out. */
const isShown = (page: Page) =>
  !page.gate || ["annotate", "filter"].includes(page.gate) || gateOf(page.gate) !== undefined || pageOf(hash.value) === page;

function countOf(page: Page): number {
  if (page.role === "adjudicate") return disputed();
  return page.gate ? (gateOf(page.gate)?.waiting ?? 0) : 0;
}

function Task({ gate, role }: { gate: Gate | null; role: Role }) {
  const held = work.value;
  if (!held) return <p class="empty">{looking.value ? "Looking for a task" : nothing(gate, role)}</p>;
  const Page = role === "adjudicate" ? Adjudicate : OF[held.gate];
  return <Page key={held.lease} work={held} />;
}

const nothing = (gate: Gate | null, role: Role) =>
  role === "adjudicate"
    ? "Nowhere do two answers differ, or one of them is yours."
    : `Nothing waits for you at ${gate!.replace("_", " ")}. vera data build may have more once it has run.`;

function Who() {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  return (
    <form
      class="who"
      onSubmit={(event) => {
        event.preventDefault();
        name(field.current!.value);
      }}
    >
      <h1>Who are you?</h1>
      <label>
        Your name, as it stands beside what you decide
        <input ref={field} type="text" maxLength={40} required autocomplete="nickname" />
      </label>
      <button class="main">Begin</button>
    </form>
  );
}

function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.text} class={notice.bad ? "notice error" : "notice"}>
          <p>{notice.text}</p>
          <button class="plain" aria-label="Dismiss" onClick={() => dismiss(notice)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}

const rows = (of: Key[]) => of.map((key): [string, string] => [nameOf(key), key.what]);
