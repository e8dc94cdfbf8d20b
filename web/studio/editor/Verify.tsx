import { useRef } from "preact/hooks";
import { guard } from "../state/notices";
import { verification, verifyNow } from "../state/verifying";

/** The badge of what changed outside the layers, and where. */
export function Verify() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { state, report, current, text } = verification.value;
  const tone = state !== "done" || !current ? "" : report!.changed === 0 && !report!.broken ? "good" : "bad";
  return (
    <div class="verify">
      <button
        disabled={state === "running"}
        title="Count the samples that changed where no layer lies"
        onClick={() => void guard(verifyNow)}
      >
        Verify
      </button>
      <button class={`badge ${tone}`} disabled={!report} onClick={() => dialog.current!.showModal()}>
        {text}
      </button>
      <dialog ref={dialog} aria-label="Verification">
        {report && <Report report={report} />}
        <form method="dialog">
          <button>Close</button>
        </form>
      </dialog>
    </div>
  );
}

function Report({ report }: { report: NonNullable<(typeof verification.value)["report"]> }) {
  const rows: [string, string][] = [
    ["Samples changed where no layer lies", report.changed.toLocaleString("en")],
    ["Samples where no layer lies", report.preserved.toLocaleString("en")],
    ["All samples", report.samples.toLocaleString("en")],
    ["Frames", report.frames.toLocaleString("en")],
    ["Largest difference there, in code values", String(report.max_difference)],
  ];
  return (
    <>
      <h2>Verification</h2>
      {report.broken && <p class="warn">{report.broken}</p>}
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {report.heat && (
        <figure>
          <img src={report.heat} alt="Map of the samples that changed" />
          <figcaption class="quiet">Where samples changed that should not have, over all frames: black nowhere, white most.</figcaption>
        </figure>
      )}
    </>
  );
}
