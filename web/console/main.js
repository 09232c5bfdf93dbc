// The page `/console`.

import { html } from "../lib/html.js";
import { startPage } from "../lib/page.js";
import { empty } from "../lib/ui.js";

startPage({
    title: "Console",
    place: "console",
    session: "required",
    width: "wide",
    draw: () => html`<h1>Console</h1>${empty({ title: "Nothing here yet" })}`,
});
