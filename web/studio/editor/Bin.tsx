import { Confirm } from "../parts/Confirm";
import { emptyBin } from "../state/acts";

/** Delete what is in the bin, once that is confirmed. */
export function EmptyBin({ count }: { count: number }) {
  return (
    <Confirm title="Empty the bin" keep="Keep them" onDelete={emptyBin}>
      This deletes {count === 1 ? "the take" : `the ${count} takes`} in the bin from the disk. What is a layer, or what a job uses,
      stays. Nothing that was done before can be undone then.
    </Confirm>
  );
}
