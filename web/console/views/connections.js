// The open connections of the node that answers, with their live figures.

import { html, nothing } from "../../lib/html.js";
import { number } from "../../lib/format.js";
import { tag } from "../../lib/ui.js";
import { addressLink, none, sessionLink } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { bytes, milliseconds, period, words } from "../words.js";

/** @typedef {import("../../types/rest").Schema<"LiveConnection">} LiveConnection */

/** @type {import("../list.js").Filter[]} */
const FILTERS = [
    { name: "user", label: "User or subject" },
    { name: "channel", label: "Channel" },
    { name: "transport", label: "Transport", choices: [["", "all"], ["websocket", "WebSocket"], ["http_stream", "HTTP stream"], ["sse", "event stream"]] },
    { name: "network", label: "Address or network", placeholder: "203.0.113.0/24", more: true },
    { name: "session", label: "Session id", more: true },
    { name: "device", label: "Device id", more: true },
    { name: "protocol", label: "Protocol", choices: [["", "all"], ["json", "JSON"], ["protobuf", "Protobuf"]], more: true },
    { name: "country", label: "Country", placeholder: "NO", kind: "number", more: true },
    { name: "client", label: "Client has the text", more: true },
    { name: "older_than", label: "Older than (seconds)", kind: "number", more: true },
];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<LiveConnection>} */
    const list = new List(desk, {
        name: "connections",
        path: "/api/v1/admin/connections",
        key: (one) => one.client ?? `${one.session}-${one.connected_at_ms}`,
        filters: FILTERS,
        orders: [["-connected", "Newest first"], ["connected", "Oldest first"], ["-queued", "Longest queue first"], ["-ping", "Slowest round trip first"]],
        columns: connectionColumns(),
        every: 5000,
        nothing: { title: "No connection is open on this node" },
    }, query);
    return listView("Connections", list, { about: "The node that answers lists its own connections. Queues and round trips are those of this moment." });
}

/** @param {{ withUser?: boolean }} [options] @returns {import("../list.js").Column<LiveConnection>[]} */
export function connectionColumns({ withUser = true } = {}) {
    return [
        { title: "Client", kind: "main", cell: (one) => html`<span class="mono" title=${one.client ?? ""}>${one.client?.slice(0, 8) ?? "–"}</span> ${one.app_name ? html`<span class="soft small">${one.app_name} ${one.app_version}</span>` : nothing}`, value: ({ client }) => client },
        ...withUser ? [/** @type {import("../list.js").Column<LiveConnection>} */ ({ title: "User", cell: userOf, value: ({ user }) => user })] : [],
        { title: "Session", cell: (one) => sessionLink(one.session, isNumber(one) ? Number(one.user) : null), value: ({ session }) => session },
        { title: "Door", cell: ({ transport, protocol }) => html`${words(transport)} <span class="soft small">${protocol}</span>`, value: ({ transport }) => transport },
        { title: "Channels", cell: (one) => channels(Object.keys(one.state.channels), one.answered), value: ({ state }) => Object.keys(state.channels) },
        { title: "Queue", kind: "right", cell: ({ queued_bytes }) => (queued_bytes > 65_536 ? tag(bytes(queued_bytes), "warn") : bytes(queued_bytes)), value: ({ queued_bytes }) => queued_bytes },
        { title: "Ping", kind: "right", cell: ({ ping_round_trip_ms }) => milliseconds(ping_round_trip_ms), value: ({ ping_round_trip_ms }) => ping_round_trip_ms },
        { title: "Age", kind: "right", cell: ({ age_seconds }) => period(age_seconds), value: ({ age_seconds }) => age_seconds },
        { title: "Address", cell: ({ address }) => addressLink(address), value: ({ address }) => address },
    ];
}

/** Whether the connection is of an account. @param {LiveConnection} one */
function isNumber({ user, issuer }) {
    return /^\d+$/.test(user) && (issuer === "" || issuer === "own" || issuer === "portcullis");
}

/** @param {LiveConnection} one */
function userOf(one) {
    return /^\d+$/.test(one.user) ? html`<a href="/console/users/${one.user}">user ${one.user}</a>` : one.user || none;
}

/** Some channels, and how many there are. @param {string[]} names @param {boolean} answered */
function channels(names, answered) {
    if (!answered) return html`<span class="soft">did not answer</span>`;
    if (names.length === 0) return none;
    return html`${names.slice(0, 3).map((name, at) => html`${at ? ", " : nothing}<a href="/console/channels/${encodeURIComponent(name)}">${name}</a>`)}${names.length > 3 ? html` <span class="soft">and ${number(names.length - 3)} more</span>` : nothing}`;
}
