import { render } from "preact";

render(<h1>Vera</h1>, document.getElementById("app")!);
