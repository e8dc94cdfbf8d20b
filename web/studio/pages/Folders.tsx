import { useSignal } from "@preact/signals";
import * as api from "../api/client";
import type { Entries, Entry } from "../api/types";
import { Typed } from "../parts/Typed";
import { guard } from "../state/notices";
import { about } from "../state/session";

/** What was found below a folder of this machine, and the rate of a sequence if one was typed. */
export interface Found {
  root: string;
  entry: Entry;
  rate: string | null;
}

interface Props {
  kinds: readonly Entry["kind"][];
  onOpen(found: Found): Promise<unknown>;
}

/** The folders that were named when the studio was started, with all below them; `kinds` can be opened. */
export function Folders({ kinds, onOpen }: Props) {
  return (
    <>
      {about.value?.roots.map(({ id, name }) => (
        <Folder key={id} root={id} inside="" name={name} kinds={kinds} onOpen={onOpen} />
      ))}
    </>
  );
}

function Folder({ root, inside, name, ...props }: Props & { root: string; inside: string; name: string }) {
  const found = useSignal<Entries | null>(null);
  const read = () => guard(async () => void (found.value = await api.entries(root, inside)));
  return (
    <details onToggle={({ currentTarget: { open } }) => open && !found.value && void read()}>
      <summary>{name}</summary>
      {found.value?.entries.length === 0 && <p class="quiet">Nothing to open here.</p>}
      <ul class="tree">
        {found.value?.entries.map((entry) => (
          <li key={entry.inside}>
            {entry.kind === "folder" ? (
              <Folder root={root} inside={entry.inside} name={entry.name} {...props} />
            ) : (
              <Item root={root} entry={entry} {...props} />
            )}
          </li>
        ))}
      </ul>
      {!!found.value?.more && <p class="quiet">And {found.value.more} more.</p>}
    </details>
  );
}

const WORDS = { folder: "", clip: "", sequence: "pictures", layers: "layers", project: "project" };

function Item({ root, entry, kinds, onOpen }: Props & { root: string; entry: Entry }) {
  const rate = useSignal("");
  if (!kinds.includes(entry.kind)) return <span class="quiet">{entry.name}</span>;
  const open = () => void guard(() => onOpen({ root, entry, rate: rate.value.trim() || null }));
  return (
    <span class="row">
      <button class="plain" onClick={open}>
        {entry.name}
      </button>
      <span class="quiet">{WORDS[entry.kind]}</span>
      {entry.kind === "sequence" && (
        <label class="quiet">
          at{" "}
          <Typed
            type="text"
            class="rate"
            maxLength={20}
            placeholder="24"
            value={rate.value}
            aria-label={`Pictures a second of ${entry.name}`}
            onTyped={(text) => void (rate.value = text)}
          />{" "}
          a second
        </label>
      )}
    </span>
  );
}
