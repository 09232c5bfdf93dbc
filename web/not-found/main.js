// The page for a path that does not exist.

import { html } from "../lib/html.js";
import { entry } from "../lib/entry.js";
import { startPage } from "../lib/page.js";

startPage({
    title: "Not found",
    session: "unused",
    width: "full",
    draw: () => entry({
        title: "There is nothing here",
        lead: html`This server has no page with the address <code class="break">${location.pathname}</code>.`,
        form: html`<p><a class="button" href="/">Go to the start</a></p>`,
    }),
});
