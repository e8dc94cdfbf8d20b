import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api/client";
import type { DamagedProject, DeletedProject, Project } from "../api/types";
import { Confirm } from "../parts/Confirm";
import { size } from "../parts/size";
import { when } from "../parts/when";
import { guard, say } from "../state/notices";
import { hrefOf } from "../state/route";

/** The projects, and those that were deleted: they come back until they are deleted for good. */
export function Projects() {
  const found = useSignal<(Project | DamagedProject)[] | null>(null);
  const deleted = useSignal<DeletedProject[]>([]);
  const read = async () => {
    [found.value, deleted.value] = await Promise.all([api.projects(), api.deletedProjects()]);
  };
  const then = (act: Promise<unknown>) => guard(async () => (await act, await read()));
  useEffect(() => void guard(read), []);
  return (
    <section aria-label="Projects">
      <h2>Projects</h2>
      {found.value?.length === 0 && <p class="quiet">None yet.</p>}
      <ul class="list projects">
        {found.value?.map((project) => (
          <li key={project.id}>
            {"damaged" in project ? <Damaged {...project} /> : <Whole {...project} />}
            <span class="quiet">{when(project.updated)}</span>
            <button class="plain" aria-label={`Delete ${project.name}`} onClick={() => void then(api.deleteProject(project.id))}>
              Delete
            </button>
          </li>
        ))}
      </ul>
      {deleted.value.length > 0 && <Deleted projects={deleted.value} onRestore={(id) => then(api.restoreProject(id))} onEmpty={read} />}
    </section>
  );
}

function Whole({ id, name, layers }: Project) {
  return (
    <>
      <a href={hrefOf({ page: "edit", project: id })}>{name}</a>
      <span class="quiet">
        {layers.length} {layers.length === 1 ? "layer" : "layers"}
      </span>
    </>
  );
}

function Damaged({ name, damaged }: DamagedProject) {
  return (
    <>
      <span>
        {name}: <span class="error">{damaged}</span>
      </span>
      <span class="quiet">damaged</span>
    </>
  );
}

interface DeletedProps {
  projects: DeletedProject[];
  onRestore: (id: string) => void;
  onEmpty: () => Promise<void>;
}

function Deleted({ projects, onRestore, onEmpty }: DeletedProps) {
  async function empty(): Promise<void> {
    const { deleted, bytes } = await api.emptyDeleted();
    say(`${deleted} ${deleted === 1 ? "project is" : "projects are"} deleted, ${size(bytes)} are free`);
    await onEmpty();
  }
  return (
    <details>
      <summary>Deleted ({projects.length})</summary>
      <ul class="list projects">
        {projects.map(({ id, name, updated, bytes }) => (
          <li key={id}>
            <span>{name}</span>
            <span class="mono quiet">{size(bytes)}</span>
            <span class="quiet">{when(updated)}</span>
            <button class="plain" aria-label={`Restore ${name}`} onClick={() => onRestore(id)}>
              Restore
            </button>
          </li>
        ))}
      </ul>
      <Confirm title="Delete them for good" keep="Keep them" onDelete={empty}>
        This deletes {projects.length === 1 ? "the project" : `the ${projects.length} projects`}, with takes, results and exports, from the
        disk, and uploads and proxies that only they used. Clips that were opened from a folder stay where they are.
      </Confirm>
    </details>
  );
}
