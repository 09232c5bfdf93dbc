// One entry of the audit log, and its proof, which this browser computes.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { wordsFor } from "../../lib/texts.js";
import { failure, icon, skeleton } from "../../lib/ui.js";
import { addressLink, copyable, deviceLink, exactly, facts, heading, none, sessionLink, stateTag, userLink } from "../cells.js";
import { fileName, saveJson } from "../download.js";
import { verifyInclusion } from "../merkle.js";
import { checkList } from "../tracker.js";

/** @typedef {import("../../types/rest").Schema<"InclusionProof">} InclusionProof */
/** @typedef {import("../../types/rest").Schema<"AuditEntry">} AuditEntry */

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters }) {
    const index = Number(parameters.index);
    const reading = new AbortController();
    const { signal } = reading;
    /** @type {InclusionProof | null} */
    let proof = null;
    /** @type {AuditEntry | null} */
    let entry = null;
    /** @type {import("../merkle.js").Check[] | null} */
    let checks = null;
    /** @type {unknown} */
    let error = null;
    let note = "";

    async function read() {
        try {
            proof = await rest.get("/api/v1/admin/audit/proofs/inclusion", { query: { index }, signal });
            // The leaf has the personal fields sealed; the list has them in the clear.
            const { id } = JSON.parse(proof.leaf);
            entry = (await rest.get("/api/v1/admin/audit/events", { query: { id, limit: 1 }, signal })).events[0] ?? null;
            error = null;
        } catch (failed) {
            if (signal.aborted) return;
            error = failed;
        }
        desk.redraw();
    }
    async function verify() {
        if (!proof) return;
        try {
            const key = await rest.request("GET", "/api/v1/audit/key", { signal });
            checks = await verifyInclusion(proof, key);
            const stated = JSON.parse(proof.leaf);
            const same = entry === null || entry.id === stated.id && entry.event === stated.event && entry.at === stated.at && entry.outcome === stated.outcome;
            checks.unshift({ words: "The leaf is the entry that is shown above", holds: same && stated.index === index });
            note = "";
        } catch (failed) {
            if (signal.aborted) return;
            note = wordsFor(failed);
        }
        desk.redraw();
    }
    read();

    return {
        title: `Entry ${index}`,
        close: () => reading.abort(),
        draw: () => html`${heading(`Entry ${index}`, { back: ["/console/audit", "Audit log"] })}
            ${error ? failure(error, read) : !proof ? skeleton(6) : html`
            ${entry ? html`<section class="panel" aria-label="The entry">${entryFacts(entry)}</section>` : nothing}
            <section aria-labelledby="proof-title"><h2 id="proof-title">Proof</h2><div class="panel stack">
                <p class="soft small">${proof.hashes.length} hashes lead from the leaf to the root of the tree of ${proof.size} entries. Nothing but the key of the log is trusted.</p>
                <div class="row"><button type="button" class="button button-small" @click=${verify}>${icon("shield")}Verify it here</button>
                    <button type="button" class="button button-small" @click=${() => saveJson(fileName(`proof-${index}`, "json"), proof)}>${icon("download")}Save the proof</button></div>
                ${checks ? checkList(checks) : nothing}${note ? html`<p role="status">${note}</p>` : nothing}
                <details class="more"><summary>The leaf and the checkpoint</summary><pre class="code" tabindex="0">${proof.leaf}</pre>${proof.checkpoint ? html`<pre class="code" tabindex="0">${proof.checkpoint}</pre>` : nothing}</details>
            </div></section>`}`,
    };
}

/** @param {AuditEntry} entry */
function entryFacts(entry) {
    return facts([
        ["Event", html`<span class="mono">${entry.event}</span> ${stateTag(entry.outcome)}`],
        ["Time", exactly(entry.at)],
        ["By", userLink(entry.actor)],
        ["On", entry.user ? userLink(entry.user) : entry.subject ?? none],
        ["Session", entry.session ? sessionLink(entry.session, entry.user) : none],
        ["Device", entry.device ? deviceLink(entry.device, entry.user) : none],
        ["Address", addressLink(entry.address)],
        ["Request", entry.request ? html`<span class="mono break">${entry.request}</span>` : none],
        ["Detail", html`<pre class="code" tabindex="0">${JSON.stringify(entry.detail, null, 2)}</pre>`, true],
        ["Id", copyable(entry.id, "the id")],
        ...entry.erased ? /** @type {[string, any][]} */ ([["Erased", "The personal fields cannot be read any more."]]) : [],
    ]);
}
