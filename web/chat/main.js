// The page `/chat`.

import { html } from "../lib/html.js";
import { startPage } from "../lib/page.js";
import { empty } from "../lib/ui.js";

startPage({
    title: "Chat",
    place: "chat",
    session: "required",
    width: "wide",
    draw: () => html`<h1>Chat</h1>${empty({ title: "Nothing here yet" })}`,
});
