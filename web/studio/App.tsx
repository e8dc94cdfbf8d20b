import { KeySheet } from "../shared/KeySheet";
import { Editor } from "./editor/Editor";
import { sheetOpen, SHEET } from "./keys";
import { Export } from "./pages/Export";
import { Queue } from "./pages/Queue";
import { Start } from "./pages/Start";
import { Typed } from "./parts/Typed";
import { Notices } from "./parts/Notices";
import { live } from "./api/events";
import { edit } from "./state/acts";
import { redo, redoLabel, undo, undoLabel } from "./state/history";
import { waiting } from "./state/jobs";
import { guard } from "./state/notices";
import { hrefOf, route, type Route } from "./state/route";
import { doc, projectId, saveState } from "./state/session";

const PAGES = { start: Start, edit: Editor, export: Export, queue: Queue };

/** The page: its head, one of the four pages, lines for the user. */
export function App() {
  const Page = PAGES[route.value.page];
  return (
    <>
      <Head />
      <main>
        <Page />
      </main>
      <Notices />
      <KeySheet open={sheetOpen} sections={SHEET} />
    </>
  );
}

function Head() {
  const project = projectId.value;
  return (
    <header class="head">
      <a class="brand" href={hrefOf({ page: "start" })} aria-current={route.value.page === "start" ? "page" : undefined}>
        Vera
      </a>
      {doc.value && (
        <Typed
          type="text"
          class="project"
          aria-label="Name of the project"
          maxLength={200}
          value={doc.value.name}
          onTyped={(text) => edit((now) => ({ ...now, name: text.trim() || now.name }), "Rename the project")}
        />
      )}
      <nav aria-label="Pages">
        {project && <Link to={{ page: "edit", project }} label="Edit" />}
        {project && <Link to={{ page: "export", project }} label="Export" />}
        <Link to={{ page: "queue" }} label={waiting.value ? `Queue (${waiting.value})` : "Queue"} />
      </nav>
      <span class="space" />
      {doc.value && <span class="quiet save">{SAVE[saveState.value]}</span>}
      {!live.value && <span class="warn save">Not connected, trying again</span>}
      <Step label="Undo" of={undoLabel.value} act={undo} />
      <Step label="Redo" of={redoLabel.value} act={redo} />
      <button aria-label="Keys" title="Keys" onClick={() => void (sheetOpen.value = true)}>
        ?
      </button>
    </header>
  );
}

function Step({ label, of, act }: { label: string; of: string | null; act(): Promise<unknown> }) {
  return (
    <button disabled={!of} title={of ? `${label}: ${of}` : `Nothing to ${label.toLowerCase()}`} onClick={() => void guard(act)}>
      {label}
    </button>
  );
}

const SAVE = { saved: "Saved", waiting: "Saving", saving: "Saving", failed: "Not saved", conflict: "Changed elsewhere" };

function Link({ to, label }: { to: Route; label: string }) {
  return (
    <a href={hrefOf(to)} aria-current={route.value.page === to.page ? "page" : undefined}>
      {label}
    </a>
  );
}
