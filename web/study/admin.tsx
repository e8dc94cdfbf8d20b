// The researcher's page: who is how far. No result is shown while the study runs.
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/call";
import type { Progress } from "./api";

const EVERY = 5000; // milliseconds

export function Admin() {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const look = () =>
      call<Progress>("GET", "/api/admin/progress")
        .then((found) => (setProgress(found), setProblem("")))
        .catch((error: Error) => setProblem(error.message));
    void look();
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }, []);
  if (!progress) return <main class="words">{problem ? <p role="alert">{problem}</p> : "Loading"}</main>;
  return (
    <main class="admin">
      <h1>{progress.title}</h1>
      <p role="status">{problem}</p>
      <dl class="facts">
        <Fact name="planned" value={progress.planned} />
        <Fact name="started" value={progress.started} />
        <Fact name="finished" value={progress.finished} />
        <Fact name="withdrawn" value={progress.withdrawn} />
        <Fact name="pairs answered, by baseline" value={progress.answers.join(", ")} />
      </dl>
      <p class="quiet">No result is told here: what raters prefer is not to decide when the study ends.</p>
      <h2>Raters</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Raters">
        <table class="plain">
          <thead>
            <tr>
              {["rater", "answered", "catches missed", "left out by the rules", "last answer"].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {progress.raters.map((rater) => (
              <tr key={rater.name}>
                <th scope="row">{rater.name}</th>
                <td>
                  {rater.answered} of {rater.of}
                </td>
                <td>{rater.missed}</td>
                <td>{rater.left_out.join("; ")}</td>
                <td>{new Date(1000 * rater.last).toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>Links</h2>
      <p>
        For everybody, such as Prolific: <code>{location.origin + progress.shared}</code>
      </p>
      <ol class="links">
        {progress.links.map((link) => (
          <li key={link}>
            <code>{location.origin + link}</code>
          </li>
        ))}
      </ol>
    </main>
  );
}

function Fact({ name, value }: { name: string; value: number | string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
