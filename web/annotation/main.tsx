import { effect } from "@preact/signals";
import { render } from "preact";
import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/frame.css";
import "./annotation.css";
import { App } from "./App";
import { look, progress } from "./progress";
import { hash, isTask, pageOf } from "./route";
import { goTo, leave, name, person } from "./task";

render(<App />, document.getElementById("app")!);
await look();
if (progress.value?.you) name(progress.value.you);
effect(() => {
  const page = pageOf(hash.value);
  void person.value;
  if (isTask(page) && person.value) void goTo(page.gate, page.role);
  else leave();
});
