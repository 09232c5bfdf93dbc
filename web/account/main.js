// The page `/account` and its parts.

import { html } from "../lib/html.js";
import { startPage } from "../lib/page.js";

startPage({
    title: "Account",
    place: "account",
    session: "required",
    width: "wide",
    draw: (page) => html`<h1>Account</h1><p>${page.session?.user.email}</p>`,
});
