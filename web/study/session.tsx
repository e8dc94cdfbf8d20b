// A rater's session: consent, trials, thanks; answers go out in the background.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call } from "../shared/call";
import { mediaPath, sessionPath, type Question, type Side, type State } from "./api";
import { Consent, Introduction } from "./consent";
import { Done, Withdrawn } from "./done";
import { Outbox, type Told } from "./outbox";
import type { Recorded } from "./record";
import { openShelf } from "./shelf";
import { Trial } from "./trial";
import { WithdrawDialog } from "./withdraw";

const PATIENCE = 3000; // milliseconds between tries to reach the server

export function Session({ session }: { session: string }) {
  const [state, setState] = useState<State | null>(null);
  const [answered, setAnswered] = useState<ReadonlySet<number>>(new Set());
  const [begun, setBegun] = useState(false);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState("");
  const outbox = useRef<Outbox | null>(null);
  const opened = useRef(performance.now());

  async function refresh(): Promise<void> {
    const found = await call<State>("GET", sessionPath(session));
    const waiting = outbox.current?.waiting() ?? [];
    const known = found.trials.flatMap((trial, number) => (trial.answered ? [number] : []));
    setAnswered((before) => new Set([...before, ...known, ...waiting.map((one) => one.trial)]));
    setState(found);
    setProblem("");
  }

  function hear(told: Told): void {
    if (told.kind === "waiting") setNotice(`${told.left} answered, not sent yet: ${told.why} It is tried again.`);
    if (told.kind === "closed") setProblem(told.why);
    if (told.kind === "other") setNotice("This pair was answered before, as in another tab; that answer stays.");
    if (told.kind === "sent") {
      setNotice((before) => (before.includes("another tab") ? before : ""));
      void refresh().catch(() => {}); // whether all is done
    }
  }

  function withdrawn(now: State): void {
    void outbox.current?.drop();
    setState(now);
  }

  useEffect(() => {
    const start = async () => {
      outbox.current = new Outbox(session, await openShelf(), hear);
      await outbox.current.load();
      await reach(refresh, setNotice, setProblem);
      void outbox.current.flush();
    };
    void start();
    const awake = () => {
      void outbox.current?.flush();
    };
    const seen = () => !document.hidden && void refresh().catch(() => {}); // another tab may have gone on
    addEventListener("online", awake);
    document.addEventListener("visibilitychange", seen);
    return () => {
      removeEventListener("online", awake);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [session]);

  if (problem) return <Problem text={problem} />;
  if (!state) {
    return (
      <main class="words">
        <p role="status">{notice || "Loading"}</p>
      </main>
    );
  }
  if (state.phase === "withdrawn") return <Withdrawn />;
  if (state.phase === "consent") {
    const agree = async () => setState(await call<State>("POST", `${sessionPath(session)}/consent`, { adult: true, agreed: true }));
    return <Consent state={state} onAgree={agree} />;
  }
  const number = state.trials.findIndex((_, place) => !answered.has(place));
  const withdraw = <WithdrawDialog session={session} state={state} onWithdrawn={withdrawn} />;
  if (number < 0 || state.phase === "done") {
    return <Done state={state} sent={state.phase === "done"} notice={notice} withdraw={withdraw} />;
  }
  if (!begun) {
    return <Introduction state={state} resumed={answered.size} onBegin={() => setBegun(true)} withdraw={withdraw} />;
  }

  function answer(sides: Record<Question, Side>, record: Recorded): void {
    setNotice("");
    void outbox.current!.add(number, { attempt: attempt(), sides, record });
    setAnswered((before) => new Set([...before, number]));
  }

  return (
    <>
      <Trial
        key={number}
        session={session}
        number={number}
        done={answered.size}
        total={state.trials.length}
        trial={state.trials[number]!}
        questions={state.questions}
        opened={opened.current}
        onAnswer={answer}
      />
      <Ahead session={session} state={state} answered={answered} number={number} />
      <footer class="foot">
        <p role="status">{notice}</p>
        {withdraw}
      </footer>
    </>
  );
}

/** Load the next clip meanwhile. */
function Ahead({ session, state, answered, number }: { session: string; state: State; answered: ReadonlySet<number>; number: number }) {
  const next = state.trials.findIndex((_, place) => place > number && !answered.has(place));
  useEffect(() => {
    if (next < 0) return;
    const timer = setTimeout(() => void fetch(mediaPath(session, next)).then((found) => found.blob()).catch(() => {}), 1500);
    return () => clearTimeout(timer);
  }, [session, next]);
  return null;
}

function Problem({ text }: { text: string }) {
  return (
    <main class="words">
      <h1>This page is closed</h1>
      <p role="alert">{text}</p>
    </main>
  );
}

/** Refresh until the server answers: `wait` hears why it does not yet, `fail` why it never will. */
async function reach(refresh: () => Promise<void>, wait: (why: string) => void, fail: (why: string) => void): Promise<void> {
  for (;;) {
    try {
      await refresh();
      return wait("");
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      const why = error instanceof Error ? error.message : String(error);
      if (status !== 0 && status < 500 && status !== 429) return fail(why);
      wait(`${why} It is tried again.`);
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    }
  }
}

function attempt(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
