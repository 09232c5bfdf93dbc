// A view that is one list: its heading, and the list.

import { html } from "../lib/html.js";
import { heading } from "./cells.js";

/** @typedef {import("../lib/html.js").Content} Content */

/**
 * @param {string} title @param {import("./list.js").List<any>} list
 * @param {{ about?: Content, actions?: () => Content, back?: [string, string], above?: () => Content }} [parts]
 * @returns {import("./desk.js").View}
 */
export function listView(title, list, { about, actions, back, above } = {}) {
    return {
        title,
        draw: () => html`${heading(title, { about, actions: actions?.(), back })}${above?.() ?? ""}${list.draw()}`,
        follow: (query) => list.follow(query),
        close: () => list.close(),
    };
}
