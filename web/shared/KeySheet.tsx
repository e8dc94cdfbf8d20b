import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

interface KeySheetProps {
  open: Signal<boolean>;
  /** Titles, and below each its keys with what they do; one without keys is left out. */
  sections: [title: string, rows: [key: string, what: string][]][];
}

/** The dialog with all keys of a page. */
export function KeySheet({ open, sections }: KeySheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const opened = open.value;
  useLayoutEffect(() => {
    if (opened && !dialog.current!.open) dialog.current!.showModal();
  }, [opened]);
  return (
    <dialog ref={dialog} class="sheet" aria-label="Keys" onClose={() => void (open.value = false)}>
      {sections.filter(([, rows]) => rows.length).map(([title, rows]) => (
        <section key={title}>
          <h2>{title}</h2>
          <dl>
            {rows.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <form method="dialog">
        <button>Close</button>
      </form>
    </dialog>
  );
}
