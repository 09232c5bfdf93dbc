// A secret that the server shows once: a password, a key.

import { html, nothing } from "../lib/html.js";
import { notice } from "../lib/ui.js";
import { copyable } from "./cells.js";

/** @param {string} what @param {string | null | undefined} secret */
export function secretFields(what, secret) {
    if (!secret) return nothing;
    return notice("warn", html`<p>${what}, shown this once:</p><p>${copyable(secret, what.toLowerCase())}</p>`);
}
