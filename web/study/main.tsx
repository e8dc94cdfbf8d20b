import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../shared/tokens.css";
import "../shared/base.css";
import "./study.css";
import { Admin } from "./admin";
import { Session } from "./session";
import { WithdrawPage } from "./withdraw";

// Which page it is stands behind the #, which browsers send nowhere.
function App() {
  const [place, setPlace] = useState(location.hash.slice(1));
  useEffect(() => {
    const moved = () => setPlace(location.hash.slice(1));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  if (place === "admin") return <Admin />;
  if (place === "withdraw") return <WithdrawPage />;
  if (place) return <Session key={place} session={place} />;
  return (
    <main class="words">
      <h1>Which edit is better?</h1>
      <p>Open the link that you were given.</p>
      <p>
        <a href="#withdraw">Delete my answers by the code that I was given</a>
      </p>
    </main>
  );
}

render(<App />, document.getElementById("app")!);
