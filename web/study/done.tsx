// The end: thanks once everything is kept, and where to go.
import type { ComponentChildren } from "preact";
import type { State } from "./api";
import { Code } from "./consent";

interface DoneProps {
  state: State;
  sent: boolean;
  notice: string;
  withdraw: ComponentChildren;
}

export function Done({ state, sent, notice, withdraw }: DoneProps) {
  return (
    <main class="words">
      <h1>{sent ? "Thank you" : "Nearly done"}</h1>
      <p role="status">
        {sent ? "All answers are kept. You can close this page." : notice || "The last answers are being sent. Please leave this page open."}
      </p>
      {sent && state.completion ? (
        <p>
          <a class="main" href={state.completion} rel="noreferrer">
            Complete
          </a>
        </p>
      ) : null}
      <Code code={state.code} />
      {withdraw}
    </main>
  );
}

export function Withdrawn() {
  return (
    <main class="words">
      <h1>You have withdrawn</h1>
      <p>Everything that was recorded of your session is deleted.</p>
    </main>
  );
}
