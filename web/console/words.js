// Words and figures that only the console shows.

import { number } from "../lib/format.js";

/** Words for the names that the interface uses. */
const WORDS = /** @type {Record<string, string>} */ ({
    // causes
    revoked: "revoked", signed_out: "signed out", password_changed: "password changed", account_disabled: "account disabled",
    refresh_reused: "refresh token reused", device_removed: "device removed", role_changed: "role changed",
    session_expired: "expired", session_limit: "too many sessions", factor_changed: "factor changed",
    credential_cloned: "copied passkey", drill: "drill",
    // outcomes of attempts
    success: "success", challenged: "second factor asked", unknown_account: "unknown account", wrong_password: "wrong password",
    wrong_factor: "wrong factor", inactive_account: "inactive account", superseded: "superseded", risk_refused: "refused as risky",
    invalid_passkey: "invalid passkey", refused: "refused",
    // ways of signing in
    password: "password", second_factor: "second factor", passkey: "passkey",
    // scopes of revocations
    session: "one session", device: "a device", user: "a user", users: "a list of users", address: "an address",
    network: "a network", opened_since: "opened since", subject: "an external subject", all: "everyone",
    // doors
    websocket: "WebSocket", http_stream: "HTTP stream", sse: "event stream", api: "REST interface", refresh: "refresh",
    // reasons of a risk
    new_device: "new device", fingerprint_changed: "changed browser", new_network: "new network", new_country: "new country",
    impossible_travel: "impossible travel", unusual_hour: "unusual hour", recent_failures: "failures before", many_failures: "many failures",
    many_accounts: "many accounts from there",
    // outcomes of refreshes
    rotated: "rotated", repeated: "repeated", repeated_late: "repeated late", reused: "reused",
    // verdicts
    in_time: "in time", late: "late", open: "stayed open", unclear: "unclear",
});

/** The words for a name of the interface. @param {string | null | undefined} name */
export function words(name) {
    return name ? WORDS[name] ?? name.replaceAll("_", " ") : "";
}

/** A period, with its two largest units: `3 d 4 h`. @param {number} seconds */
export function period(seconds) {
    /** @type {[string, number][]} */
    const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
    let rest = Math.max(0, Math.round(seconds));
    const first = Math.max(0, units.findIndex(([, length]) => rest >= length || length === 1));
    const parts = units.slice(first, first + 2).map(([unit, length]) => {
        const count = Math.floor(rest / length);
        rest -= count * length;
        return count || length === 1 && first === 3 ? `${count} ${unit}` : "";
    });
    return parts.filter(Boolean).join(" ") || "0 s";
}

/** A number of bytes. @param {number} count */
export function bytes(count) {
    for (const [unit, size] of /** @type {[string, number][]} */ ([["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]])) {
        if (count >= size) return `${number(Math.round(count / size * 10) / 10)} ${unit}`;
    }
    return `${number(count)} B`;
}

/** Milliseconds. @param {number | null | undefined} value */
export function milliseconds(value) {
    if (value === null || value === undefined) return "–";
    if (value >= 10_000) return `${number(Math.round(value / 100) / 10)} s`;
    return `${number(value >= 100 ? Math.round(value) : Math.round(value * 10) / 10)} ms`;
}
