// Why something is not taken: one of a list, by its number or its name.
import { useLayoutEffect, useRef } from "preact/hooks";

export interface ReasonsProps {
  title: string;
  reasons: string[];
  onChoose(reason: string): void;
  onClose(): void;
}

export function Reasons({ title, reasons, onChoose, onClose }: ReasonsProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next key comes, which may be the number of a reason.
  useLayoutEffect(() => {
    dialog.current!.showModal();
  }, []);
  const choose = (reason: string | undefined) => {
    if (!reason) return;
    dialog.current!.close();
    onChoose(reason);
  };
  return (
    <dialog
      ref={dialog}
      class="reasons"
      aria-label={title}
      onClose={onClose}
      onKeyDown={(event) => choose(reasons[Number(event.key) - 1])}
    >
      <h2>{title}</h2>
      <ol>
        {reasons.map((reason, index) => (
          <li key={reason}>
            <button autofocus={index === 0} onClick={() => choose(reason)}>
              {reason} <kbd>{index + 1}</kbd>
            </button>
          </li>
        ))}
      </ol>
      <form method="dialog">
        <button>
          Cancel <kbd>Esc</kbd>
        </button>
      </form>
    </dialog>
  );
}
