// Stop and delete: in the session, or by the code alone.
import { useRef, useState } from "preact/hooks";
import { call } from "../shared/call";
import { sessionPath, type State } from "./api";
import { Withdrawn } from "./done";

interface WithdrawProps {
  session: string;
  state: State;
  onWithdrawn(state: State): void;
}

export function WithdrawDialog({ session, state, onWithdrawn }: WithdrawProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState("");
  const withdraw = async () => {
    try {
      onWithdrawn(await call<State>("POST", `${sessionPath(session)}/withdrawal`, { code: state.code }));
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <>
      <button type="button" class="plain" onClick={() => dialog.current!.showModal()}>
        Stop and delete my answers
      </button>
      <dialog ref={dialog} aria-labelledby="withdraw">
        <h2 id="withdraw">Delete all your answers?</h2>
        <p>This cannot be undone. To pause only, close the page and open your link again later.</p>
        <div class="tools">
          <button type="button" onClick={() => dialog.current!.close()}>
            Keep them
          </button>
          <button type="button" class="danger" onClick={withdraw}>
            Delete them
          </button>
        </div>
        <p role="alert">{problem}</p>
      </dialog>
    </>
  );
}

export function WithdrawPage() {
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState(false);
  if (done) return <Withdrawn />;
  const submit = (event: Event) => {
    event.preventDefault();
    setProblem("");
    call("POST", "/api/withdrawal", { code })
      .then(() => setDone(true))
      .catch((error: Error) => setProblem(error.message));
  };
  return (
    <main class="words">
      <h1>Delete my answers</h1>
      <form onSubmit={submit}>
        <label for="code">The code that you were given</label>
        <input id="code" required maxLength={64} autocomplete="off" value={code} onInput={(event) => setCode(event.currentTarget.value)} />
        <button class="main">Delete</button>
        <p role="alert">{problem}</p>
      </form>
    </main>
  );
}
