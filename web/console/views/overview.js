// The overview: what needs attention, the live figures of the node that answers, and the last hour.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { poll } from "../../lib/live.js";
import { dateTime, number, relative } from "../../lib/format.js";
import { wordsFor } from "../../lib/texts.js";
import { failure, icon, liveMark, notice, skeleton, tag } from "../../lib/ui.js";
import { actButton } from "../act.js";
import { heading, revocationLink, scroller, shortId, stateTag } from "../cells.js";
import { drill } from "../drill.js";
import { BOUND, CHARTS, labelsOf, latestOf, readFigures, SERIES, sumOf } from "../figures.js";
import { bytes, milliseconds, period, words } from "../words.js";

/** @typedef {import("../../types/rest").Schema<"Node">} NodeFigures */
/** @typedef {import("../../types/rest").Schema<"Ready">} Ready */
/** @typedef {import("../../types/rest").Schema<"Statistics">} Statistics */
/** @typedef {import("../../types/rest").Schema<"RevocationProgress">} Progress */
/** @typedef {import("../../lib/live.js").State} State */
/** @typedef {{ kind: "info" | "warn" | "bad", words: import("../../lib/html.js").Content }} Alert */

/** Milliseconds between two looks at the node: each look is an event of the audit log. */
const NODE_EVERY = 5000;
const FIGURES_EVERY = 20_000;
const READY_EVERY = 60_000;
/** A certificate that ends within this time needs attention. */
const CERTIFICATE_SOON = 14 * 86_400_000;
/** The milliseconds with which a drill counts a door that stayed open. */
const STAYED_OPEN = 5000;

/** @type {import("../desk.js").Open} */
export function open(desk) {
    const overview = new Overview(desk);
    return { title: "Overview", draw: () => overview.draw(), follow: () => {}, close: () => overview.close() };
}

class Overview {
    /** @type {NodeFigures | null} */
    node = null;
    /** Messages and deliveries per second, between the last two looks. */
    rates = { publications: 0, deliveries: 0 };
    /** @type {Statistics | null} */
    figures = null;
    /** @type {Ready | null} */
    ready = null;
    /** @type {Progress | null} */
    last = null;
    /** @type {State} */
    state = "connecting";
    /** @type {Record<string, unknown>} */
    errors = {};
    #lookedAt = 0;
    #ended = new AbortController();

    /** @param {import("../desk.js").Desk} desk */
    constructor(desk) {
        this.desk = desk;
        const note = (/** @type {string} */ name) => (/** @type {State} */ state, /** @type {unknown} */ error) => {
            if (name === "node") this.state = state;
            this.errors[name] = error;
            desk.redraw();
        };
        this.polls = [
            poll((signal) => rest.get("/api/v1/admin/node", { signal }), { every: NODE_EVERY, onValue: (node) => this.#takeNode(node), onState: note("node") }),
            poll((signal) => readFigures(SERIES, "1h", signal), { every: FIGURES_EVERY, onValue: (figures) => { this.figures = figures; }, onState: note("figures") }),
            poll((signal) => rest.request("GET", "/health/ready", { signal }), { every: READY_EVERY, onValue: (ready) => { this.ready = ready; }, onState: note("ready") }),
        ];
        this.#readNodes();
    }

    close() {
        this.#ended.abort();
        for (const one of this.polls) one.close();
    }

    /** @param {NodeFigures} node */
    #takeNode(node) {
        const now = performance.now();
        const seconds = (now - this.#lookedAt) / 1000;
        if (this.node?.id === node.id && seconds < 60) {
            this.rates = { publications: Math.max(0, node.publications - this.node.publications) / seconds, deliveries: Math.max(0, node.deliveries - this.node.deliveries) / seconds };
        }
        this.#lookedAt = now;
        this.node = node;
    }

    /** The nodes, as the newest revocation found them: every node notes what it did. */
    async #readNodes() {
        const { signal } = this.#ended;
        try {
            const { revocations } = await rest.get("/api/v1/admin/revocations", { query: { limit: 1 }, signal });
            if (revocations.length) this.last = await rest.get("/api/v1/admin/revocations/{revocation}", { path: { revocation: String(revocations[0].id) }, signal });
        } catch (error) {
            if (signal.aborted) return;
            this.errors.nodes = error;
        }
        this.desk.redraw();
    }

    draw() {
        const { node, figures } = this;
        return html`${heading("Overview", { actions: html`${liveMark(this.state)}${actButton("Run a drill", () => drill(this.desk), { why: this.desk.whyNot("administer"), danger: false, symbol: "bolt" })}` })}
            ${this.#alerts()}
            <section aria-labelledby="now-title"><h2 id="now-title">Now ${node ? html`<span class="soft small">node ${shortId(node.id)}, version ${node.version}, up ${period(node.uptime_seconds)}</span>` : nothing}</h2>
                ${node ? this.#tiles(node) : this.errors.node ? failure(this.errors.node) : skeleton(3)}</section>
            <section aria-labelledby="hour-title"><h2 id="hour-title">The last hour <a class="small" href="/console/statistics">More figures</a></h2>
                ${figures ? html`<div class="charts">${["sign_ins", "sockets", "latency", "limits", "refreshes", "sessions_revoked"].map((name) => CHARTS[name](figures))}</div>`
                : this.errors.figures ? failure(this.errors.figures, () => this.polls[1].now()) : skeleton(6)}</section>
            ${this.#nodes()}`;
    }

    /** @param {NodeFigures} node */
    #tiles(node) {
        const { figures } = this;
        const { connections } = node;
        const sockets = Object.values(connections).reduce((sum, count) => sum + count, 0);
        const doors = Object.entries(connections).filter(([, count]) => count > 0).map(([door, count]) => `${words(door)} ${number(count)}`).join(", ");
        const reused = figures ? sumOf(figures, "refreshes", "reused") : 0;
        /** @type {[string, import("../../lib/html.js").Content, import("../../lib/html.js").Content, string?, string?][]} */
        const tiles = [
            ["Sockets", number(sockets), doors || "none open", "/console/connections"],
            ["Connected users", number(node.users), `${number(node.subscriptions)} subscriptions, ${number(node.channels)} channels`, "/console/channels"],
            ["Open sessions", figures ? number(latestOf(figures, "sessions")) : "–", "of accounts, all nodes", "/console/sessions"],
            ["Sign-ins", figures ? number(sumOf(figures, "sign_ins", "success")) : "–", figures ? `${number(sumOf(figures, "sign_ins", "refused"))} refused, in an hour` : "", "/console/attempts"],
            ["Revocations", figures ? number(sumOf(figures, "revocations")) : "–", "in an hour", "/console/revocations"],
            ["Reused tokens", figures ? number(reused) : "–", "in an hour", undefined, reused ? "tile-bad" : ""],
            ["Messages", html`${number(Math.round(this.rates.deliveries))}<span class="tile-unit">/s</span>`, `${number(Math.round(this.rates.publications))} published per second`],
            ["Passwords waiting", number(node.passwords_waiting), "for their hash", undefined, node.passwords_waiting > 8 ? "tile-warn" : ""],
            ["Process", html`${number(Math.round(node.process.cpu_percent))}<span class="tile-unit">% CPU</span>`, bytes(node.process.resident_bytes)],
        ];
        return html`<ul class="tiles">${tiles.map(([title, value, about, address, kind]) => html`<li class="tile ${kind ?? ""}">
            ${address ? html`<a href=${address}>${title}</a>` : html`<span class="tile-title">${title}</span>`}<strong class="tile-value numbers">${value}</strong><span class="tile-about">${about}</span></li>`)}</ul>`;
    }

    /** What needs attention. */
    #alerts() {
        /** @type {Alert[]} */
        const alerts = [];
        const { node, figures, ready, errors } = this;
        if (errors.ready) alerts.push({ kind: "bad", words: html`The node is not ready. ${wordsFor(errors.ready)}` });
        if (ready && ready.status !== "ready") alerts.push({ kind: "bad", words: `The node is ${ready.status}.` });
        for (const { code, detail } of ready?.details ?? []) alerts.push({ kind: "warn", words: html`<span class="mono">${code}</span>: ${detail}` });
        const ends = ready?.certificate_expires_at;
        if (ends && Date.parse(ends) - Date.now() < CERTIFICATE_SOON) alerts.push({ kind: "bad", words: html`The certificate ends ${relative(ends)}, on ${dateTime(ends)}.` });
        if (node?.holds_deliveries) alerts.push({ kind: "bad", words: "The node cannot read revocations, so it holds messages back." });
        if (figures) alerts.push(...figureAlerts(figures));
        if (alerts.length === 0) {
            return node && figures && ready ? html`<p class="calm">${icon("check")}Nothing needs attention.${ends ? html` <span class="soft">The certificate is good until ${dateTime(ends)}.</span>` : nothing}</p>` : nothing;
        }
        return html`<section class="alerts" aria-label="Alerts">${alerts.map(({ kind, words: content }) => notice(kind, content))}</section>`;
    }

    #nodes() {
        const { last, node } = this;
        if (!last?.nodes?.length) return nothing;
        const nodes = /** @type {import("../../types/rest").Schema<"NodeProgress">[]} */ (last.nodes);
        return html`<section aria-labelledby="nodes-title"><h2 id="nodes-title">Nodes <span class="soft small">as revocation ${revocationLink(last.id)} found them, ${relative(last.created_at)}</span></h2>
            ${scroller("Nodes", html`<table class="table table-dense" aria-label="Nodes"><thead><tr><th scope="col">Node</th><th scope="col">It has</th><th scope="col" class="right">After</th><th scope="col" class="right">Sockets closed</th></tr></thead>
            <tbody>${nodes.map((one) => html`<tr><td>${shortId(one.node)} ${one.node === node?.id ? tag("answers here", "accent") : nothing}</td><td>${stateTag(one.state)}</td><td class="right">${milliseconds(one.after_ms)}</td><td class="right">${number(one.sockets_closed)}</td></tr>`)}</tbody></table>`)}</section>`;
    }
}

/** @param {Statistics} figures @returns {Alert[]} */
function figureAlerts(figures) {
    /** @type {Alert[]} */
    const alerts = [];
    const reused = sumOf(figures, "refreshes", "reused");
    if (reused) alerts.push({ kind: "bad", words: html`${number(reused)} refresh tokens were used twice in the last hour, and may have been copied. Their sessions were ended. <a href="/console/revocations?cause=refresh_reused">Show them</a>` });
    const slowest = labelsOf(figures, "drills").map(({ label, points }) => ({
        door: words(label), bound: label.endsWith("_other_node") ? 1000 : BOUND, after: Math.max(...points.map(({ p99_ms }) => p99_ms ?? 0)),
    }));
    const open = slowest.filter(({ after }) => after >= STAYED_OPEN);
    const late = slowest.filter(({ after, bound }) => after < STAYED_OPEN && after > bound * 2);
    if (open.length) alerts.push({ kind: "bad", words: html`In a drill of the last hour, a revocation left doors open: ${open.map(({ door }) => door).join(", ")}. Treat it as an incident.` });
    if (late.length) alerts.push({ kind: "warn", words: `In a drill of the last hour, doors were late: ${late.map(({ door, after }) => `${door} ${milliseconds(after)}`).join(", ")}.` });
    const [refused, success] = [sumOf(figures, "sign_ins", "refused"), sumOf(figures, "sign_ins", "success")];
    if (refused >= 100 && refused > 4 * success) alerts.push({ kind: "warn", words: html`${number(refused)} sign-ins were refused in the last hour, and ${number(success)} succeeded. <a href="/console/incidents/stuffing">Look for a wave</a>` });
    return alerts;
}
