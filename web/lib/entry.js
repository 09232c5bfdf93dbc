// The frame of the pages before the sign-in: the form, and beside it a word about what this server is.

import { html, nothing, svg } from "./html.js";

/** @typedef {import("./html.js").Content} Content */

/** @param {{ title: string, lead?: Content, form: Content, links?: Content, beside?: Content }} parts */
export function entry({ title, lead, form, links, beside }) {
    return html`<div class="entry ${beside ? "" : "entry-single"}">
        <div class="entry-form">
            <div><h1>${title}</h1>${lead ? html`<p class="lead">${lead}</p>` : nothing}</div>
            ${form}
            ${links ? html`<nav class="entry-links" aria-label="Other ways">${links}</nav>` : nothing}
        </div>
        ${beside ?? nothing}
    </div>`;
}

const BARS = [10, 27, 44, 61, 78];

/** The gate, and what this server is. */
export function gate() {
    return html`<aside class="gate" aria-labelledby="gate-title">
        <div class="gate-bars" aria-hidden="true"><svg viewBox="0 0 88 100" preserveAspectRatio="xMidYMin slice">
            <path d="M0 14H88M0 34H88" fill="none" stroke="currentColor" stroke-width="1.5"></path>
            ${BARS.map((x) => svg`<path d="M${x} 0V52" fill="none" stroke="currentColor" stroke-width="1.5"></path>
                <path d="M${x - 2.2} 51h4.4l-2.2 7z" fill="currentColor"></path>`)}
        </svg></div>
        <div class="gate-text">
            <h2 id="gate-title">Every open door, and the way to shut them all.</h2>
            <p>Portcullis keeps your sessions and the connections that they hold. End one, and everything that it opened closes at once.</p>
        </div>
    </aside>`;
}
