import { useRef } from "preact/hooks";
import { emptyBin } from "../state/acts";
import { guard } from "../state/notices";

/** Delete what is in the bin, once that is confirmed. */
export function EmptyBin({ count }: { count: number }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button class="plain" onClick={() => dialog.current!.showModal()}>
        Empty the bin
      </button>
      <dialog ref={dialog} aria-label="Empty the bin">
        <h2>Empty the bin</h2>
        <p>
          {count === 1 ? "One take is" : `${count} takes are`} deleted from the disk for good, but for those that are layers, or that a
          job uses. No step before this can be undone.
        </p>
        <form method="dialog" class="row">
          <button>Keep them</button>
          <button class="danger" onClick={() => void guard(emptyBin)}>
            Delete for good
          </button>
        </form>
      </dialog>
    </>
  );
}
