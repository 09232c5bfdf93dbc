// The audit log: its entries, followed as they come, its export, and the proof that it has only grown.

import { html, nothing, repeat } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { follow } from "../../lib/live.js";
import { number, time } from "../../lib/format.js";
import { wordsFor } from "../../lib/texts.js";
import { FormState, icon, liveMark } from "../../lib/ui.js";
import { act, actButton } from "../act.js";
import { choicesOf } from "../acts.js";
import { auditColumns } from "../audit-list.js";
import { stateTag, userLink } from "../cells.js";
import { fileName, save } from "../download.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { isConsistent, isSigned, readCheckpoint } from "../merkle.js";
import { checkList } from "../tracker.js";

/** @typedef {import("../../types/rest").Schema<"AuditEntry">} AuditEntry */

/** The rows that a follower shows. Older ones are in the list. */
const MOST_FOLLOWED = 60;
/** The checkpoint that this browser saw last, to compare a later one with. */
const SEEN = "portcullis.checkpoint";

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<AuditEntry>} */
    const list = new List(desk, {
        name: "events",
        path: "/api/v1/admin/audit/events",
        key: ({ id }) => id,
        filters: [
            { name: "event", label: "Event", placeholder: "session.revoked" },
            { name: "outcome", label: "Outcome", choices: choicesOf(["success", "failure", "denied"], "all outcomes") },
            { name: "user", label: "On user", kind: "number" },
            { name: "actor", label: "By user", kind: "number" },
            { name: "session", label: "Session id", more: true },
            { name: "since", label: "Since", kind: "moment", more: true },
            { name: "until", label: "Until", kind: "moment", more: true },
        ],
        columns: auditColumns(),
    }, query);
    const follower = new Follower(desk);
    const proof = new GrowthProof(desk);
    const view = listView("Audit log", list, {
        about: "Who did what, on whom, from where, and with which outcome. Each entry is a leaf of a signed tree, and this browser can check it.",
        actions: () => (desk.may("audit") ? html`
            <button type="button" class="button button-small" aria-pressed=${String(follower.on)} @click=${() => follower.toggle(new URLSearchParams(location.search))}>${icon("bolt")}${follower.on ? "Stop following" : "Follow"}</button>
            <button type="button" class="button button-small" @click=${() => proof.run()}>${icon("shield")}Has it only grown?</button>
            ${actButton("Export", () => exportLog(desk, new URLSearchParams(location.search)), { danger: false, symbol: "download" })}` : nothing),
        above: () => html`${proof.draw()}${follower.draw()}`,
    });
    return { ...view, follow: (changed) => { follower.stop(); view.follow?.(changed); }, close: () => { follower.stop(); proof.close(); view.close?.(); } };
}

/** New entries, as they come, with the filters of the list. */
class Follower {
    /** @type {AuditEntry[]} */
    entries = [];
    /** @type {import("../../lib/live.js").State} */
    state = "connecting";
    /** @type {ReturnType<typeof follow> | null} */
    #stream = null;

    /** @param {import("../desk.js").Desk} desk */
    constructor(desk) {
        this.desk = desk;
    }

    get on() {
        return this.#stream !== null;
    }

    /** @param {URLSearchParams} query */
    toggle(query) {
        if (this.on) this.stop();
        else this.#start(query);
        this.desk.redraw();
    }

    stop() {
        this.#stream?.close();
        this.#stream = null;
        this.entries = [];
    }

    /** @param {URLSearchParams} query */
    #start(query) {
        const search = new URLSearchParams();
        for (const name of ["event", "outcome", "user", "actor"]) if (query.get(name)) search.set(name, query.get(name) ?? "");
        this.#stream = follow(`/api/v1/admin/audit/events/stream${search.size ? `?${search}` : ""}`, {
            events: ["entry"],
            resume: (last) => ["from", String(Number(last) + 1)],
            onEvent: ({ data }) => {
                this.entries = [JSON.parse(data), ...this.entries].slice(0, MOST_FOLLOWED);
                this.desk.redraw();
            },
            onState: (state) => { this.state = state; this.desk.redraw(); },
        });
    }

    draw() {
        if (!this.on) return nothing;
        return html`<section class="panel follower" aria-label="New entries">
            <div class="spread"><h2>New entries</h2>${liveMark(this.state)}</div>
            ${this.entries.length === 0 ? html`<p class="soft">Waiting for the next entry.</p>` : html`<ul class="follower-rows">${repeat(this.entries, ({ id }) => id, (entry) => html`<li>
                <span class="numbers soft">${time(entry.at)}</span> <a href="/console/audit/${entry.index}">${number(entry.index)}</a> <span class="mono">${entry.event}</span> ${stateTag(entry.outcome)}
                ${entry.actor ? html`by ${userLink(entry.actor)}` : nothing} ${entry.user ? html`on ${userLink(entry.user)}` : nothing}</li>`)}</ul>`}
        </section>`;
    }
}

/** The proof that the log continues what this browser saw before. */
class GrowthProof {
    /** @type {import("../merkle.js").Check[] | null} */
    #checks = null;
    #note = "";
    #ended = new AbortController();

    /** @param {import("../desk.js").Desk} desk */
    constructor(desk) {
        this.desk = desk;
    }

    close() {
        this.#ended.abort();
    }

    async run() {
        try {
            const { signal } = this.#ended;
            const note = await rest.request("GET", "/api/v1/audit/checkpoint", { signal });
            const key = await rest.request("GET", "/api/v1/audit/key", { signal });
            const checkpoint = readCheckpoint(note);
            if (!checkpoint) throw new Error("no checkpoint");
            this.#checks = [{ words: `The checkpoint of ${number(checkpoint.size)} entries is signed with the key of the log`, holds: await isSigned(checkpoint, key) }];
            const before = readCheckpoint(localStorage.getItem(SEEN) ?? "");
            if (before && before.origin === checkpoint.origin && before.size <= checkpoint.size) await this.#compare(before, checkpoint);
            else this.#note = before ? "This browser has seen another log, or a longer one, before. From now on it remembers this one." : "This browser sees the log for the first time. It remembers the checkpoint, and compares with it next time.";
            localStorage.setItem(SEEN, note);
        } catch (error) {
            if (this.#ended.signal.aborted) return;
            this.#note = wordsFor(error);
        }
        this.desk.redraw();
    }

    /** @param {import("../merkle.js").Checkpoint} before @param {import("../merkle.js").Checkpoint} now */
    async #compare(before, now) {
        const proof = await rest.get("/api/v1/admin/audit/proofs/consistency", { query: { from: before.size, to: now.size }, signal: this.#ended.signal });
        const seen = btoa(String.fromCharCode(...before.root));
        const holds = proof.from_root === seen && proof.to_root === btoa(String.fromCharCode(...now.root)) && await isConsistent(proof);
        this.#checks?.push({ words: `The ${number(before.size)} entries that this browser knew are the beginning of the log`, holds });
        this.#note = "";
    }

    draw() {
        if (!this.#checks && !this.#note) return nothing;
        return html`<section class="panel" aria-label="Proof of growth">${this.#checks ? checkList(this.#checks) : nothing}${this.#note ? html`<p class="small soft">${this.#note}</p>` : nothing}</section>`;
    }
}

/** @param {import("../desk.js").Desk} desk @param {URLSearchParams} query */
function exportLog(desk, query) {
    return act(desk, {
        title: "Export the audit log",
        action: "Export",
        danger: false,
        text: html`<p>One line of JSON per entry, oldest first, with the filters event, outcome and users of the list. Without personal fields, the lines are the leaves of the tree.</p>`,
        fields: (/** @type {FormState} */ form) => html`${form.field({ label: "From entry", name: "from", value: "0", inputmode: "numeric", required: true })}
            <label class="check"><input type="checkbox" name="readable"><span>With personal fields<span class="hint">Then the reason is recorded, and the presence of the caller is proved.</span></span></label>`,
        send: async ({ from, readable, reason }) => {
            const filters = Object.fromEntries(["event", "outcome", "user", "actor"].map((name) => [name, query.get(name) ?? undefined]));
            const lines = await rest.request("GET", "/api/v1/admin/audit/export", { query: { ...filters, from, ...readable ? { readable: true, reason } : {} }, timeout: 300_000 });
            save(fileName("audit", "jsonl"), lines ?? "", "application/x-ndjson");
            return {};
        },
        done: () => "The file is saved.",
    });
}
