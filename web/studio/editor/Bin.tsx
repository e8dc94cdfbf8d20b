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
      <dialog ref={dialog} class="words" aria-label="Empty the bin">
        <h2>Empty the bin</h2>
        <p>
          This deletes {count === 1 ? "the take" : `the ${count} takes`} in the bin from the disk. What is a layer, or what a job uses,
          stays. Nothing that was done before can be undone then.
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
