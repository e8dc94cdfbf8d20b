import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { guard } from "../state/notices";

interface Props {
  title: string;
  keep: string;
  onDelete: () => Promise<void>;
  children: ComponentChildren;
}

/** A button that deletes for good, once that is confirmed. */
export function Confirm({ title, keep, onDelete, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button class="plain" onClick={() => dialog.current!.showModal()}>
        {title}
      </button>
      <dialog ref={dialog} class="words" aria-label={title}>
        <h2>{title}</h2>
        <p>{children}</p>
        <form method="dialog" class="row">
          <button>{keep}</button>
          <button class="danger" onClick={() => void guard(onDelete)}>
            Delete for good
          </button>
        </form>
      </dialog>
    </>
  );
}
