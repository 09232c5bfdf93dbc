// The places of the console: the navigation, and the module of each address. A view is loaded when it is opened first.

/** @typedef {() => Promise<{ open: import("./desk.js").Open }>} Load */
/** @typedef {{ title: string, address: string, symbol: string, needs?: import("./desk.js").Right, onlyIf?: (desk: import("./desk.js").Desk) => boolean }} Place */

/** The groups of the navigation. @type {[string, Place[]][]} */
export const PLACES = [
    ["", [
        { title: "Overview", address: "/console", symbol: "gauge" },
        { title: "Incidents", address: "/console/incidents", symbol: "bolt" },
    ]],
    ["People", [
        { title: "Users", address: "/console/users", symbol: "people" },
        { title: "Sessions", address: "/console/sessions", symbol: "session" },
        { title: "Connections", address: "/console/connections", symbol: "node" },
        { title: "Devices", address: "/console/devices", symbol: "device" },
        { title: "Attempts", address: "/console/attempts", symbol: "history" },
        { title: "Erasures", address: "/console/erasures", symbol: "trash" },
    ]],
    ["Doors", [
        { title: "Revocations", address: "/console/revocations", symbol: "shield" },
        { title: "Bans", address: "/console/bans", symbol: "ban" },
        { title: "API keys", address: "/console/api-keys", symbol: "key" },
        { title: "Issuers", address: "/console/issuers", symbol: "check" },
    ]],
    ["Messages", [
        { title: "Channels", address: "/console/channels", symbol: "hash" },
        { title: "Webhooks", address: "/console/webhooks", symbol: "send" },
        { title: "Mail", address: "/console/mail", symbol: "mail", onlyIf: ({ offersMail }) => offersMail },
    ]],
    ["Server", [
        { title: "Audit log", address: "/console/audit", symbol: "log", needs: "audit" },
        { title: "Statistics", address: "/console/statistics", symbol: "chart" },
        { title: "Settings", address: "/console/settings", symbol: "settings" },
    ]],
];

/** @type {Record<string, Load>} */
export const VIEWS = {
    "/console": () => import("./views/overview.js"),
    "/console/search": () => import("./views/search.js"),
    "/console/incidents": () => import("./views/incidents.js"),
    "/console/incidents/token": () => import("./views/leaked-token.js"),
    "/console/incidents/device": () => import("./views/stolen-device.js"),
    "/console/incidents/stuffing": () => import("./views/stuffing.js"),
    "/console/incidents/key": () => import("./views/leaked-key.js"),
    "/console/users": () => import("./views/users.js"),
    "/console/users/{id}": () => import("./views/user.js"),
    "/console/users/{id}/{part}": () => import("./views/user.js"),
    "/console/sessions": () => import("./views/sessions.js"),
    "/console/sessions/{id}": () => import("./views/session.js"),
    "/console/connections": () => import("./views/connections.js"),
    "/console/devices": () => import("./views/devices.js"),
    "/console/devices/{id}": () => import("./views/device.js"),
    "/console/attempts": () => import("./views/attempts.js"),
    "/console/erasures": () => import("./views/erasures.js"),
    "/console/revocations": () => import("./views/revocations.js"),
    "/console/revocations/{id}": () => import("./views/revocation.js"),
    "/console/bans": () => import("./views/bans.js"),
    "/console/api-keys": () => import("./views/api-keys.js"),
    "/console/issuers": () => import("./views/issuers.js"),
    "/console/channels": () => import("./views/channels.js"),
    "/console/channels/{name...}": () => import("./views/channel.js"),
    "/console/webhooks": () => import("./views/webhooks.js"),
    "/console/webhooks/{id}": () => import("./views/webhook.js"),
    "/console/mail": () => import("./views/mail.js"),
    "/console/audit": () => import("./views/audit.js"),
    "/console/audit/{index}": () => import("./views/audit-entry.js"),
    "/console/statistics": () => import("./views/statistics.js"),
    "/console/settings": () => import("./views/settings.js"),
};
