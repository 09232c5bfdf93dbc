// A revocation while it is carried out: the proof of each node, and then the receipt, which this browser verifies.

import { html, nothing } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { isProblem } from "../lib/errors.js";
import { counted, number } from "../lib/format.js";
import { wordsFor } from "../lib/texts.js";
import { icon, tag } from "../lib/ui.js";
import { exactly, revocationLink, scroller, shortId, stateTag, userLink } from "./cells.js";
import { fileName, saveJson } from "./download.js";
import { verifyReceipt } from "./merkle.js";
import { milliseconds, words } from "./words.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {import("../types/rest").Schema<"RevocationProgress">} Progress */
/** @typedef {import("../types/rest").Schema<"NodeProgress">} NodeProgress */
/** @typedef {import("../types/rest").Schema<"SignedReceipt">} SignedReceipt */

/** Milliseconds between two looks, the last of which is kept. Each look is an event of the audit log. */
const PAUSES = [150, 400, 800, 1500, 3000];

export class Tracker {
    /** @type {Progress | null} */
    progress = null;
    /** @type {SignedReceipt | null} */
    receipt = null;
    /** @type {import("./merkle.js").Check[] | null} */
    checks = null;
    /** @type {unknown} */
    error = null;
    #note = "";
    #busy = false;
    #ended = new AbortController();

    /** @param {import("./desk.js").Desk} desk @param {number} id @param {() => void} redraw draws where the tracker is shown */
    constructor(desk, id, redraw) {
        this.desk = desk;
        this.id = id;
        this.redraw = redraw;
        this.#follow();
    }

    close() {
        this.#ended.abort();
    }

    /** Looks until every node has answered. */
    async #follow() {
        const { signal } = this.#ended;
        for (let looks = 0; !signal.aborted; looks++) {
            try {
                this.progress = await rest.get("/api/v1/admin/revocations/{revocation}", { path: { revocation: String(this.id) }, signal });
                this.error = null;
            } catch (error) {
                if (signal.aborted) return;
                this.error = error;
            }
            this.redraw();
            if (this.progress && this.progress.receipt !== "pending" || looks > 60) return;
            await new Promise((done) => setTimeout(done, PAUSES[Math.min(looks, PAUSES.length - 1)]));
        }
    }

    /** Reads the receipt, and gives it to this. @param {(receipt: SignedReceipt) => void | Promise<void>} use */
    async #withReceipt(use) {
        if (this.#busy) return;
        this.#busy = true;
        this.#note = "";
        try {
            this.receipt ??= await this.#read();
            await use(this.receipt);
        } catch (error) {
            if (!this.#ended.signal.aborted) this.#note = wordsFor(error);
        }
        this.#busy = false;
        this.redraw();
    }

    /** The receipt, as soon as the log contains it. */
    async #read() {
        const { signal } = this.#ended;
        for (let tries = 0; ; tries++) {
            try {
                return await rest.get("/api/v1/admin/revocations/{revocation}/receipt", { path: { revocation: String(this.id) }, signal });
            } catch (error) {
                if (!isProblem(error, "receipt_pending") || tries === 8) throw error;
                this.#note = "The audit log takes the receipt in. One moment.";
                this.redraw();
                await new Promise((done) => setTimeout(done, 1000));
            }
        }
    }

    async #verify() {
        await this.#withReceipt(async (receipt) => {
            const key = await rest.request("GET", "/api/v1/audit/key", { signal: this.#ended.signal });
            this.checks = await verifyReceipt(receipt, key);
            this.#note = "";
        });
    }

    /** @returns {Content} */
    draw() {
        const { progress } = this;
        if (!progress) return this.error ? html`<p class="soft">${wordsFor(this.error)}</p>` : html`<p class="soft" role="status">Asking the nodes</p>`;
        const nodes = /** @type {NodeProgress[] | null} */ (progress.nodes ?? null);
        return html`<div class="tracker">
            <p class="tracker-sum">Revocation ${revocationLink(progress.id)}: ${counted(progress.sessions, "session")} ended,
                ${counted(progress.sockets_closed ?? 0, "socket")} closed${progress.pending ? html`, <strong>${number(progress.pending)} still open</strong>` : nothing}${progress.excluded ? html`, ${number(progress.excluded)} left alone because they belong to admins` : nothing}.
                ${progress.more ? html`<strong>There are more: send the same request again.</strong>` : nothing}</p>
            ${nodes?.length ? nodeTable(nodes) : html`<p class="soft small">${nodes ? "No node has noted its progress yet." : "The nodes note no progress of such a revocation."}</p>`}
            <div class="row">${progress.receipt === "complete" ? tag("receipt complete", "good") : progress.receipt === "pending" ? tag("waits for nodes", "warn") : tag("no receipt")}
                ${progress.receipt === "complete" ? html`
                    <button type="button" class="button button-small" @click=${() => this.#withReceipt((receipt) => saveJson(fileName(`receipt-${this.id}`, "json"), receipt))}>${icon("download")}Save the receipt</button>
                    <button type="button" class="button button-small" @click=${() => this.#verify()}>${icon("shield")}Verify it here</button>` : nothing}</div>
            ${this.#note ? html`<p class="small" role="status">${this.#note}</p>` : nothing}
            ${this.checks ? checkList(this.checks) : nothing}
            ${this.receipt ? receiptFacts(this.receipt) : nothing}
        </div>`;
    }
}

/** @param {NodeProgress[]} nodes */
function nodeTable(nodes) {
    const slowest = Math.max(1, ...nodes.map(({ after_ms }) => after_ms ?? 0));
    return scroller("Nodes", html`<table class="table table-dense" aria-label="Nodes">
        <thead><tr><th scope="col">Node</th><th scope="col">State</th><th scope="col" class="right">Sockets closed</th><th scope="col" class="right">Still open</th><th scope="col" class="right">After</th><td></td></tr></thead>
        <tbody>${nodes.map((node) => html`<tr><td>${shortId(node.node)}</td><td>${stateTag(node.state)}</td><td class="right">${number(node.sockets_closed)}</td>
            <td class="right">${number(node.pending)}</td><td class="right">${milliseconds(node.after_ms)}</td>
            <td class="tracker-bar"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width=${Math.max(1, (node.after_ms ?? 0) / slowest * 100)} height="6"></rect></svg></td></tr>`)}</tbody>
    </table>`);
}

/** The steps of a verification. @param {import("./merkle.js").Check[]} checks */
export function checkList(checks) {
    return html`<div role="status"><ul class="checks">${checks.map(({ words: step, holds }) => html`<li class="checks-${holds === null ? "open" : holds ? "good" : "bad"}">
        ${icon(holds === null ? "info" : holds ? "check" : "warning")}<span>${step}: <strong>${holds === null ? "not checked here" : holds ? "holds" : "DOES NOT HOLD"}</strong></span></li>`)}</ul></div>`;
}

/** @param {SignedReceipt} signed */
function receiptFacts({ receipt }) {
    return html`<details class="more"><summary>The receipt</summary><dl class="facts">
        <dt>Target</dt><dd>${words(receipt.target.kind)}</dd><dt>Cause</dt><dd>${words(receipt.cause)}</dd><dt>By</dt><dd>${userLink(receipt.actor)}</dd>
        <dt>Committed</dt><dd>${exactly(receipt.committed_at)}</dd>
        ${receipt.nodes.map((node) => html`<dt>Node ${shortId(node.node)}</dt><dd>${stateTag(node.state, node.state === "lapsed" ? "lease lapsed" : node.state)} ${exactly(node.at)}, after ${milliseconds(node.after_ms)}</dd>`)}
        ${receipt.slowest ? html`<dt>Slowest</dt><dd>${shortId(receipt.slowest.node)}, ${milliseconds(receipt.slowest.after_ms)}</dd>` : nothing}</dl></details>`;
}
