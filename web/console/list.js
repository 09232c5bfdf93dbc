// The list of the console: filters in the address, pages by cursors, order, live rows, export, and the states of loading, nothing
// and failure. It holds one page of rows, however long the list is.

import { html, ifDefined, live as current, nothing, repeat } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { poll } from "../lib/live.js";
import { counted, number } from "../lib/format.js";
import { announce, empty, failure, icon, liveMark, skeleton } from "../lib/ui.js";
import { scroller } from "./cells.js";
import { fileName, saveCsv, saveJson } from "./download.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {import("../lib/live.js").State} State */
/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {(item: T) => Content} cell
 * @property {(item: T) => unknown} [value] the value in exports; a column without it is in none
 * @property {[string, string]} [sort] the values of `sort` for the ascending and the descending order
 * @property {"right" | "main" | "wide" | "acts"} [kind]
 */
/**
 * @typedef {object} Filter
 * @property {string} name the parameter of the request, and of the address
 * @property {string} label
 * @property {"text" | "number" | "moment" | "switch"} [kind] text, unless said; a filter with `choices` has no kind
 * @property {[string, string][]} [choices] value and words
 * @property {string} [placeholder]
 * @property {boolean} [more] behind "More filters"
 * @property {string} [initial] the value without one in the address; the empty choice is then `any`
 */
/**
 * @template T
 * @typedef {object} ListParts
 * @property {string} name what the list has, in the plural, for exports and headings: `sessions`
 * @property {string} path the path of the interface
 * @property {string} [items] the member of the answer, if it is not `name`
 * @property {(item: T) => string} key
 * @property {Column<T>[]} columns
 * @property {Filter[]} [filters]
 * @property {[string, string][]} [orders] values of `sort`, and words
 * @property {Record<string, string | number | boolean | undefined>} [fixed] parameters that are not in the address
 * @property {{ title: string, text?: string }} [nothing] what an empty list says
 * @property {number} [every] milliseconds after which the first page is read again
 * @property {(items: T[], key: (item: T) => string) => Content} [bulk] what can be done with the chosen rows
 * @property {string} [prefix] of the names in the address, if a view has two lists
 * @property {(body: any) => void} [onPage] gets each answer
 * @property {number} [limit]
 */

/** The most pages in a row that have no row and are passed over: filters without an index make such pages. */
const MOST_EMPTY = 6;

/** @template T */
export class List {
    /** @type {T[] | null} */
    items = null;
    /** @type {unknown} */
    error = null;
    loading = false;
    /** @type {State} */
    state = "connecting";
    /** @type {string | null} */
    next = null;
    /** The keys of the chosen rows. @type {Set<string>} */
    chosen = new Set();
    /** The cursors of the pages before, the first page being "". @type {string[]} */
    #trail = [];
    /** @type {AbortController | null} */
    #reading = null;
    /** @type {ReturnType<typeof poll> | null} */
    #polling = null;
    /** What the rows belong to: the parameters of the request. */
    #asked = "";
    #query = new URLSearchParams();
    #moreOpen = false;

    /** @param {Desk} desk @param {ListParts<T>} parts @param {URLSearchParams} query */
    constructor(desk, parts, query) {
        this.desk = desk;
        this.parts = parts;
        this.follow(query);
    }

    // --- reading -------------------------------------------------------------------------------------------------------

    /** Takes the filters from the address, and reads if they have changed. @param {URLSearchParams} query */
    follow(query) {
        this.#query = query;
        const asked = JSON.stringify(this.#parameters());
        if (asked === this.#asked) return;
        const sameList = this.#asked !== "";
        this.#asked = asked;
        this.chosen.clear();
        if (!sameList) this.items = null;
        this.reload();
    }

    /** Changes parameters that are not in the address, and reads. @param {ListParts<T>["fixed"]} fixed */
    fix(fixed) {
        this.parts.fixed = fixed;
        this.follow(this.#query);
    }

    /** Reads the page again. */
    reload() {
        this.close();
        this.loading = true;
        const { every } = this.parts;
        if (every && !this.#parameter("cursor")) {
            this.#polling = poll((signal) => this.#read(signal), {
                every,
                onValue: (body) => this.#take(body),
                onState: (state, error) => this.#note(state, error),
            });
            return;
        }
        const reading = this.#reading = new AbortController();
        this.#read(reading.signal).then(
            (body) => { if (!reading.signal.aborted) this.#take(body); },
            (error) => { if (!reading.signal.aborted) this.#note("stale", error); },
        );
        this.desk.redraw();
    }

    /** Ends the request and the polling. */
    close() {
        this.#reading?.abort();
        this.#polling?.close();
        this.#reading = this.#polling = null;
    }

    /** @param {string} name */
    #parameter(name) {
        return this.#query.get((this.parts.prefix ?? "") + name) ?? "";
    }

    /** @returns {Record<string, string | number | boolean | undefined>} */
    #parameters() {
        const { filters = [], orders, fixed = {}, limit = 50 } = this.parts;
        /** @type {Record<string, string | number | boolean | undefined>} */
        const parameters = { ...fixed, limit };
        for (const filter of filters) {
            const value = this.#parameter(filter.name) || filter.initial || "";
            if (value !== "" && value !== "any") parameters[filter.name] = value;
        }
        if (orders && this.#parameter("sort")) parameters.sort = this.#parameter("sort");
        if (this.#parameter("cursor")) parameters.cursor = this.#parameter("cursor");
        return parameters;
    }

    /** @param {AbortSignal} signal */
    async #read(signal) {
        const { path, items, name } = this.parts;
        const query = this.#parameters();
        for (let pages = 1; ; pages++) {
            const body = await rest.request("GET", path, { query, signal });
            const found = body[items ?? name];
            if (found.length > 0 || !body.next_cursor || pages === MOST_EMPTY) return body;
            query.cursor = body.next_cursor;
        }
    }

    /** @param {any} body */
    #take(body) {
        this.items = body[this.parts.items ?? this.parts.name];
        this.next = body.next_cursor ?? null;
        this.error = null;
        this.loading = false;
        this.parts.onPage?.(body);
        this.desk.redraw();
    }

    /** @param {State} state @param {unknown} [error] */
    #note(state, error) {
        this.state = state;
        if (error !== undefined) {
            this.error = error;
            this.loading = false;
        }
        this.desk.redraw();
    }

    // --- the address ---------------------------------------------------------------------------------------------------

    /** @param {Record<string, string | null>} changes @param {{ replace?: boolean }} [options] */
    #change(changes, options) {
        const prefix = this.parts.prefix ?? "";
        this.desk.setQuery(Object.fromEntries(Object.entries(changes).map(([name, value]) => [prefix + name, value])), options);
    }

    /** @param {string} name @param {string} value */
    #filter(name, value) {
        this.#trail = [];
        this.#change({ [name]: value, cursor: null });
    }

    #clear() {
        this.#trail = [];
        const names = (this.parts.filters ?? []).map(({ name }) => name);
        this.#change({ ...Object.fromEntries(names.map((name) => [name, null])), cursor: null });
    }

    /** Goes to a page, and says so. @param {string | null} cursor */
    #turn(cursor) {
        this.#change({ cursor }, { replace: false });
        announce("Another page is shown.");
        document.getElementById(`${this.parts.name}-list`)?.scrollIntoView({ block: "start" });
    }

    get #isFiltered() {
        return (this.parts.filters ?? []).some(({ name }) => this.#parameter(name) !== "");
    }

    // --- drawing -------------------------------------------------------------------------------------------------------

    /** The filters, the rows, and what goes with them. @returns {Content} */
    draw() {
        const { name } = this.parts;
        return html`<div class="rows" id="${name}-list">
            ${this.#filters()}
            <div class="rows-bar">
                <span class="rows-count" role="status">${this.#count()}</span>
                ${this.#polling ? liveMark(this.state) : nothing}
                <span class="rows-tools">
                    <button type="button" class="button-bare" aria-label="Read again" title="Read again" @click=${() => this.reload()}>${icon("refresh")}</button>
                    <button type="button" class="button-bare rows-export" title="Save what is shown as CSV" ?disabled=${!this.items?.length}
                        @click=${() => this.#csv()}>${icon("download")}CSV</button>
                    <button type="button" class="button-bare rows-export" title="Save what is shown as JSON" ?disabled=${!this.items?.length}
                        @click=${() => this.#json()}>${icon("download")}JSON</button>
                </span>
            </div>
            ${this.#bulk()}
            ${this.#body()}
            ${this.#pages()}
        </div>`;
    }

    #count() {
        if (!this.items) return this.loading ? "Reading" : "";
        const shown = `${counted(this.items.length, "row")} shown`;
        return `${shown}${this.next ? ", and more" : ""}${this.loading ? ". Reading" : ""}`;
    }

    #filters() {
        const { filters = [], orders } = this.parts;
        if (filters.length === 0 && !orders) return nothing;
        const first = filters.filter(({ more }) => !more);
        const others = filters.filter(({ more }) => more);
        const used = others.filter(({ name }) => this.#parameter(name) !== "").length;
        return html`<form class="filters" @submit=${(/** @type {SubmitEvent} */ event) => event.preventDefault()}>
            <div class="filters-row">
                ${first.map((filter) => this.#field(filter))}
                ${orders ? this.#field({ name: "sort", label: "Order", choices: orders }) : nothing}
                ${others.length ? html`<button type="button" class="button button-small filters-more" aria-expanded=${String(this.#moreOpen || used > 0)}
                    @click=${() => { this.#moreOpen = !this.#moreOpen; this.desk.redraw(); }}>${icon("filter")}${used ? `${number(used)} more set` : "More filters"}</button>` : nothing}
                ${this.#isFiltered ? html`<button type="button" class="button-link filters-clear" @click=${() => this.#clear()}>Clear the filters</button>` : nothing}
            </div>
            ${others.length && (this.#moreOpen || used) ? html`<div class="filters-row">${others.map((filter) => this.#field(filter))}</div>` : nothing}
        </form>`;
    }

    /** @param {Filter} filter */
    #field(filter) {
        const id = `filter-${this.parts.prefix ?? ""}${filter.name}`;
        const value = this.#parameter(filter.name) || filter.initial || "";
        const change = (/** @type {Event} */ event) => {
            const input = /** @type {HTMLInputElement} */ (event.currentTarget);
            const typed = filter.kind === "switch" ? (input.checked ? "true" : "") : input.value.trim();
            const sent = filter.kind === "moment" && typed ? new Date(typed).toISOString() : typed;
            if (sent !== this.#parameter(filter.name)) this.#filter(filter.name, sent === filter.initial ? "" : sent);
        };
        if (filter.kind === "switch") {
            return html`<label class="check filter-switch"><input type="checkbox" id=${id} .checked=${current(value === "true")} @change=${change}>
                <span>${filter.label}</span></label>`;
        }
        const input = filter.choices
            ? html`<select class="select" id=${id} @change=${change}>${filter.choices.map(([choice, words]) =>
                html`<option value=${choice} ?selected=${choice === value}>${words}</option>`)}</select>`
            : html`<input class="input" id=${id} type=${filter.kind === "moment" ? "datetime-local" : "text"} step=${filter.kind === "moment" ? "1" : nothing}
                inputmode=${ifDefined(filter.kind === "number" ? "numeric" : undefined)} autocomplete="off" autocapitalize="off" spellcheck="false"
                placeholder=${ifDefined(filter.placeholder)} .value=${current(filter.kind === "moment" ? localMoment(value) : value)} @change=${change}>`;
        return html`<div class="filter ${filter.choices || filter.kind === "number" ? "filter-short" : filter.kind === "moment" ? "filter-moment" : ""}"><label for=${id}>${filter.label}</label>${input}</div>`;
    }

    #bulk() {
        const { bulk, key } = this.parts;
        if (!bulk || !this.items || this.chosen.size === 0) return nothing;
        const items = this.items.filter((item) => this.chosen.has(key(item)));
        return html`<div class="rows-bulk" role="region" aria-label="The chosen rows"><strong>${number(items.length)} chosen</strong>${bulk(items, key)}
            <button type="button" class="button-link" @click=${() => { this.chosen.clear(); this.desk.redraw(); }}>Choose none</button></div>`;
    }

    #body() {
        const { nothing: words, columns, name } = this.parts;
        if (!this.items) return this.error ? failure(this.error, () => this.reload()) : skeleton(6);
        if (this.error && !this.#polling) return failure(this.error, () => this.reload());
        if (this.items.length === 0) {
            const filtered = this.#isFiltered;
            return empty({
                title: filtered ? `No ${name} fit these filters` : words?.title ?? `There are no ${name}`,
                text: this.next ? "The part of the list that was read has none. Go on to the next page." : filtered ? undefined : words?.text,
                action: filtered ? html`<button type="button" class="button button-small" @click=${() => this.#clear()}>Clear the filters</button>` : undefined,
            });
        }
        return scroller(`${name}: table`, html`<table class="table rows-table" role="table" aria-label=${name} aria-busy=${String(this.loading)}>
            <thead role="rowgroup"><tr role="row">${this.#chooseAll()}${columns.map((column) => this.#heading(column))}</tr></thead>
            <tbody role="rowgroup">${repeat(this.items, this.parts.key, (item) => this.#row(item))}</tbody>
        </table>`);
    }

    #chooseAll() {
        const { bulk, key } = this.parts;
        if (!bulk) return nothing;
        const keys = (this.items ?? []).map(key);
        const all = keys.every((one) => this.chosen.has(one));
        return html`<th role="columnheader" class="rows-choose"><input type="checkbox" aria-label="Choose every row of this page" .checked=${current(all)}
            @change=${() => { this.chosen = new Set(all ? [] : keys); this.desk.redraw(); }}></th>`;
    }

    /** @param {Column<T>} column */
    #heading({ title, sort, kind }) {
        const order = this.#parameter("sort") || this.parts.orders?.[0][0] || "";
        const place = sort ? sort.indexOf(order) : -1;
        const direction = place === 0 ? "ascending" : place === 1 ? "descending" : "none";
        const hidden = kind === "acts" ? html`<span class="visually-hidden">${title}</span>` : title;
        if (!sort) return html`<th role="columnheader" scope="col" class=${kind ?? ""}>${hidden}</th>`;
        return html`<th role="columnheader" scope="col" class=${kind ?? ""} aria-sort=${direction}><button type="button" class="rows-sort"
            @click=${() => this.#filter("sort", sort[place === 1 ? 0 : 1])}>${title}<span aria-hidden="true">${place === 0 ? "↑" : place === 1 ? "↓" : "↕"}</span></button></th>`;
    }

    /** @param {T} item */
    #row(item) {
        const { bulk, key, columns } = this.parts;
        const name = key(item);
        const choose = () => {
            if (!this.chosen.delete(name)) this.chosen.add(name);
            this.desk.redraw();
        };
        return html`<tr role="row" class=${this.chosen.has(name) ? "chosen" : ""}>
            ${bulk ? html`<td role="cell" class="rows-choose"><input type="checkbox" aria-label="Choose ${name}" .checked=${current(this.chosen.has(name))} @change=${choose}></td>` : nothing}
            ${columns.map(({ title, cell, kind }) => html`<td role="cell" class=${kind ?? ""} data-label=${kind === "acts" ? nothing : title}><div>${cell(item)}</div></td>`)}</tr>`;
    }

    #pages() {
        const cursor = this.#parameter("cursor");
        if (!cursor && !this.next) return nothing;
        return html`<nav class="pages" aria-label="Pages of the list">
            ${cursor ? html`<button type="button" class="button button-small" @click=${() => { this.#trail = []; this.#turn(null); }}>First page</button>` : nothing}
            ${cursor && this.#trail.length ? html`<button type="button" class="button button-small" @click=${() => this.#turn(this.#trail.pop() || null)}>${icon("arrow-left")}Previous page</button>` : nothing}
            ${this.next ? html`<button type="button" class="button button-small" @click=${() => this.#forward(cursor)}>Next page${icon("arrow-right")}</button>` : html`<span class="soft small">The last page</span>`}
        </nav>`;
    }

    /** @param {string} cursor */
    #forward(cursor) {
        this.#trail.push(cursor);
        // A person who turns more pages than this goes back by the first page.
        if (this.#trail.length > 200) this.#trail.shift();
        this.#turn(this.next);
    }

    // --- export --------------------------------------------------------------------------------------------------------

    #csv() {
        const columns = this.parts.columns.filter(({ value }) => value);
        const rows = (this.items ?? []).map((item) => columns.map(({ value }) => value?.(item)));
        saveCsv(fileName(this.parts.name, "csv"), columns.map(({ title }) => title), rows);
    }

    #json() {
        saveJson(fileName(this.parts.name, "json"), { exported_at: new Date().toISOString(), path: this.parts.path, query: this.#parameters(), [this.parts.name]: this.items });
    }
}

/** A moment of RFC 3339 as a field for local time wants it. @param {string} moment */
function localMoment(moment) {
    const date = new Date(moment);
    if (!moment || Number.isNaN(date.getTime())) return "";
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
