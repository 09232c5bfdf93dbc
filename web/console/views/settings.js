// The settings in effect on the node that answers, each with its source.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { poll } from "../../lib/live.js";
import { counted } from "../../lib/format.js";
import { failure, icon, skeleton, tag } from "../../lib/ui.js";
import { heading } from "../cells.js";
import { fileName, saveJson } from "../download.js";

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {string} section
 * @property {string | null} value
 * @property {string | null} default
 * @property {boolean} redacted
 * @property {boolean} reloadable
 * @property {boolean} changed
 * @property {string | null} problem
 * @property {{ kind: string, name?: string, path?: string, file?: string, line?: number }} source
 */

/** @type {import("../desk.js").Open} */
export function open(desk, { query: first }) {
    let query = first;
    /** @type {Setting[] | null} */
    let settings = null;
    /** @type {unknown} */
    let error = null;
    const reading = poll((signal) => rest.request("GET", "/api/v1/admin/settings", { signal }), {
        every: 300_000,
        onValue: (body) => { ({ settings } = body); error = null; desk.redraw(); },
        onState: (_, failed) => { error = failed ?? null; desk.redraw(); },
    });
    return {
        title: "Settings",
        follow: (changed) => { query = changed; },
        close: () => reading.close(),
        draw() {
            const text = (query.get("q") ?? "").toLowerCase();
            const only = query.get("only") ?? "";
            const shown = (settings ?? []).filter((one) => `${one.name} ${one.section}`.toLowerCase().includes(text))
                .filter((one) => !only || (only === "set" ? one.source.kind !== "default" : one.changed || one.problem));
            const sections = Map.groupBy(shown, ({ section }) => section);
            return html`${heading("Settings", { about: "What this node uses, and where it comes from. Secrets are not shown. Settings are changed where they come from, and with a reload or a restart.", actions: html`<button type="button" class="button button-small" ?disabled=${!settings} @click=${() => saveJson(fileName("settings", "json"), settings)}>${icon("download")}JSON</button>` })}
                <form class="filters" @submit=${(/** @type {SubmitEvent} */ event) => event.preventDefault()}><div class="filters-row">
                    <div class="filter"><label for="filter-q">Name or section has</label><input class="input" id="filter-q" autocomplete="off" .value=${query.get("q") ?? ""} @input=${(/** @type {any} */ event) => desk.setQuery({ q: event.target.value })}></div>
                    <div class="filter filter-short"><label for="filter-only">Only</label><select class="select" id="filter-only" @change=${(/** @type {any} */ event) => desk.setQuery({ only: event.target.value })}>
                        ${[["", "all"], ["set", "not the default"], ["changed", "changed or wrong"]].map(([value, words]) => html`<option value=${value} ?selected=${value === only}>${words}</option>`)}</select></div></div></form>
                ${error && !settings ? failure(error, () => reading.now()) : !settings ? skeleton(8) : html`<p class="rows-count soft" role="status">${counted(shown.length, "setting")}</p>
                ${[...sections].map(([section, rows]) => html`<section class="settings" aria-label=${section}><h2>${section}</h2>
                    <dl>${rows.map((one) => html`<div class="setting"><dt class="mono">${one.name}</dt><dd>${valueOf(one)}</dd><dd class="setting-source">${sourceOf(one)}</dd></div>`)}</dl></section>`)}`}`;
        },
    };
}

/** @param {Setting} one */
function valueOf({ value, redacted, default: usual, source }) {
    if (redacted) return html`<span class="soft">set, not shown</span>`;
    const shown = value === null || value === "" ? html`<span class="soft">none</span>` : html`<span class="mono break">${value}</span>`;
    return html`${shown}${source.kind !== "default" && usual !== value && usual !== null ? html` <span class="soft small">instead of ${usual}</span>` : nothing}`;
}

/** @param {Setting} one */
function sourceOf({ source, reloadable, changed, problem }) {
    const where = { default: "default", environment: "environment", variable: "environment", env_file: "settings file", file: "file", credential: "credential" }[source.kind] ?? source.kind.replaceAll("_", " ");
    const place = [source.name, source.path ?? source.file].filter(Boolean).join(" ");
    return html`${source.kind === "default" ? html`<span class="soft">default</span>` : html`${tag(where, "accent")} <span class="mono small break">${place}</span>`}
        ${reloadable ? nothing : html`<span class="soft small">· needs a restart</span>`}${changed ? tag("changed, not in use yet", "warn") : nothing}${problem ? tag(problem, "bad") : nothing}`;
}
