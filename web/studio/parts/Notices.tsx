import { saveState, loadTheirs, keepMine } from "../state/session";
import { busy, dismiss, guard, notices } from "../state/notices";
import { sending } from "../api/upload";

/** Lines at the page's foot: errors, what can be taken back, an upload on its way, a project that was changed elsewhere. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      <Conflict />
      <Upload />
      {busy.value && <div class="notice info">{busy.value}</div>}
      {notices.value.map(({ id, text, kind, action }) => (
        <div class={`notice ${kind}`} key={id}>
          <p>{text}</p>
          {action && (
            <button
              onClick={() => {
                dismiss(id);
                void guard(async () => action.run());
              }}
            >
              {action.label}
            </button>
          )}
          <button class="plain" aria-label={`Dismiss: ${text}`} onClick={() => dismiss(id)}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}

function Conflict() {
  if (saveState.value !== "conflict") return null;
  return (
    <div class="notice error">
      <p>This project was changed in another window. Your last changes are not saved.</p>
      <button onClick={() => void guard(loadTheirs)}>Load theirs</button>
      <button onClick={() => void guard(keepMine)}>Keep mine</button>
    </div>
  );
}

function Upload() {
  const now = sending.value;
  if (!now) return null;
  return (
    <div class="notice info">
      <p>Sending {now.name}</p>
      <progress max={now.total} value={now.sent} aria-label={`Sending ${now.name}`} />
      <span>{percent(now.sent / now.total)}</span>
      <button onClick={now.stop}>Stop</button>
    </div>
  );
}

const percent = (part: number) => `${Math.floor(100 * (part || 0))} %`;
