// Figures over time.

import { html } from "../../lib/html.js";
import { poll } from "../../lib/live.js";
import { failure, icon, liveMark, skeleton } from "../../lib/ui.js";
import { heading } from "../cells.js";
import { fileName, saveCsv, saveJson } from "../download.js";
import { CHARTS, RANGES, readFigures, SERIES } from "../figures.js";

/** @typedef {import("../../types/rest").Schema<"Statistics">} Statistics */

const ORDER = ["sign_ins", "sockets", "sessions", "latency", "revocations", "sessions_revoked", "limits", "refreshes", "drills"];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    let range = rangeOf(query);
    /** @type {Statistics | null} */
    let figures = null;
    /** @type {unknown} */
    let error = null;
    /** @type {import("../../lib/live.js").State} */
    let state = "connecting";
    const read = () => poll((signal) => readFigures(SERIES, range, signal), {
        every: 30_000,
        onValue: (value) => { figures = value; error = null; },
        onState: (now, failed) => { state = now; error = failed ?? null; desk.redraw(); },
    });
    let reading = read();
    return {
        title: "Statistics",
        follow(changed) {
            if (rangeOf(changed) === range) return;
            range = rangeOf(changed);
            figures = null;
            reading.close();
            reading = read();
        },
        close: () => reading.close(),
        draw: () => html`${heading("Statistics", { about: "Counted by every node, summed, and kept for 400 days by the hour.", actions: html`${liveMark(state)}
                <button type="button" class="button button-small" ?disabled=${!figures} @click=${() => figures && csv(figures)}>${icon("download")}CSV</button>
                <button type="button" class="button button-small" ?disabled=${!figures} @click=${() => saveJson(fileName("statistics", "json"), figures)}>${icon("download")}JSON</button>` })}
            <nav class="tabs" aria-label="Time">${Object.entries(RANGES).map(([name, { title }]) => html`<a href="/console/statistics?range=${name}" aria-current=${name === range ? "true" : "false"}>${title}</a>`)}</nav>
            <h2 class="visually-hidden">Charts</h2>
            ${figures ? html`<div class="charts">${ORDER.map((name) => CHARTS[name](/** @type {Statistics} */ (figures)))}</div>` : error ? failure(error, () => reading.now()) : skeleton(8)}`,
    };
}

/** @param {URLSearchParams} query */
function rangeOf(query) {
    const range = query.get("range") ?? "1h";
    return range in RANGES ? range : "1h";
}

/** @param {Statistics} figures */
function csv(figures) {
    const rows = figures.series.flatMap(({ name, labels }) => labels.flatMap(({ label, points }) => points.map((point) => {
        const one = /** @type {import("../figures.js").Point} */ (point);
        return [name, label, one.at, one.count ?? "", one.p50_ms ?? "", one.p99_ms ?? "", one.mean ?? "", one.highest ?? ""];
    })));
    saveCsv(fileName("statistics", "csv"), ["series", "label", "at", "count", "p50_ms", "p99_ms", "mean", "highest"], rows);
}
