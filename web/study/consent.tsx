// Before anything is shown: what is asked, what is recorded, and how to stop.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { QUESTIONS, type State } from "./api";
import { KEYS } from "./keys";

export function Consent({ state, onAgree }: { state: State; onAgree(): Promise<void> }) {
  const [adult, setAdult] = useState(false);
  const [agreed, setAgreed] = useState(false);
  const [problem, setProblem] = useState("");
  const begin = (event: Event) => {
    event.preventDefault();
    onAgree().catch((error: Error) => setProblem(error.message));
  };
  return (
    <main class="words">
      <h1>{state.title}</h1>
      {state.consent.split("\n\n").map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
      <p>It takes about {state.minutes} minutes.</p>
      {state.contact ? <p>Questions: {state.contact}</p> : null}
      <form onSubmit={begin}>
        <label class="check">
          <input type="checkbox" required checked={adult} onChange={() => setAdult(!adult)} />I am 18 or older.
        </label>
        <label class="check">
          <input type="checkbox" required checked={agreed} onChange={() => setAgreed(!agreed)} />I have read this, and take part of my own will.
        </label>
        <button class="main" disabled={!adult || !agreed}>
          Take part
        </button>
        <p role="alert">{problem}</p>
      </form>
    </main>
  );
}

interface IntroductionProps {
  state: State;
  resumed: number;
  onBegin(): void;
  withdraw: ComponentChildren;
}

export function Introduction({ state, resumed, onBegin, withdraw }: IntroductionProps) {
  return (
    <main class="words">
      <h1>{resumed ? "Welcome back" : "How it works"}</h1>
      {resumed ? (
        <p>
          {resumed} of {state.trials.length} pairs are answered. You go on where you stopped.
        </p>
      ) : (
        <p>
          You see {state.trials.length} pairs. Each shows a source clip and an instruction, and below it two edited clips. When they
          have played once, choose for each question the better one, even where they are close.
        </p>
      )}
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">question</th>
            <th scope="col">first</th>
            <th scope="col">second</th>
          </tr>
        </thead>
        <tbody>
          {QUESTIONS.map((question) => (
            <tr key={question}>
              <th scope="row">{state.questions[question]}</th>
              {KEYS[question].map((letter) => (
                <td key={letter}>
                  <kbd>{letter}</kbd>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <kbd>H</kbd> shows where each clip differs from the source, <kbd>Space</kbd> pauses, <kbd>R</kbd> plays from the start,{" "}
        <kbd>Enter</kbd> goes on. A press or a tap does the same.
      </p>
      <Code code={state.code} />
      <button type="button" class="main" onClick={onBegin}>
        {resumed ? "Go on" : "Begin"}
      </button>
      {withdraw}
    </main>
  );
}

export function Code({ code }: { code: string }) {
  return (
    <p>
      Your code is <code>{code}</code>. Keep it: with it you can delete what was recorded, also later.
    </p>
  );
}
