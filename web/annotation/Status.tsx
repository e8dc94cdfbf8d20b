// How far the work is, how far people agree, and how often they are right where the answer is known.
import type { GateProgress } from "./api";
import { progress, progressProblem } from "./progress";

export function Status() {
  const found = progress.value;
  if (!found) return <p class="empty">{progressProblem.value || "Loading"}</p>;
  const { rules } = found;
  return (
    <div class="status-page">
      <h1>Status</h1>
      <p role="status">{progressProblem.value}</p>
      {found.gates.length === 0 && <p class="empty">The build waits for nobody. Run vera data build, and load this page again.</p>}
      <Table
        name="Gates"
        heads={["gate", "waiting", "in hand", "disputed", "decided", "accepted", "agreement", "alpha"]}
        rows={found.gates.map((gate) => [
          gate.gate.replace("_", " "),
          gate.waiting,
          gate.held,
          gate.disputed,
          gate.decided,
          gate.decided ? `${gate.accepted} (${percent(gate.accepted / gate.decided)})` : "",
          gate.agreement === null ? "" : `${gate.agreement.toFixed(3)} of ${gate.pairs}`,
          gate.alpha === null ? "" : gate.alpha.toFixed(2),
        ])}
      />
      <Refusals gates={found.gates} />
      <h2>People</h2>
      <Table
        name="People"
        heads={["person", "answers", "minutes", "known answers", "right"]}
        rows={found.people.map((one) => [
          one.person,
          one.answers,
          one.minutes.toFixed(1),
          one.gold,
          one.right === null ? "" : percent(one.right),
        ])}
      />
      <p class="quiet">
        A second person answers {percent(rules["overlap"]!)} of the tasks; {percent(rules["gold"]!)} of each person's have a known
        answer. Masks that overlap by {rules["agree"]!.toFixed(2)} (J) are the same answer. A task is somebody's for{" "}
        {Math.round(rules["lease"]! / 60)} minutes after their last sign of life.
      </p>
    </div>
  );
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

function Refusals({ gates }: { gates: GateProgress[] }) {
  const rows = gates.flatMap((gate) => Object.entries(gate.reasons).map(([reason, count]) => [gate.gate, reason, count]));
  if (!rows.length) return null;
  return (
    <>
      <h2>Not taken</h2>
      <Table name="Not taken" heads={["gate", "reason", "clips"]} rows={rows} />
    </>
  );
}

function Table({ name, heads, rows }: { name: string; heads: string[]; rows: (string | number)[][] }) {
  if (!rows.length) return null;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={name}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.slice(0, 2).join()}>
              <th scope="row">{row[0]}</th>
              {row.slice(1).map((value, index) => (
                <td key={index}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
