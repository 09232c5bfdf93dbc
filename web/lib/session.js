// The session of this browser: whether there is one, its user, and its end.

import { rest, HINT } from "./rest.js";

/** @typedef {import("../types/rest").Schema<"AuthStatus">} Status */
/** @typedef {Status & { user: NonNullable<Status["user"]>, session: NonNullable<Status["session"]> }} Session */

/** Roles that see the console. */
const OPERATORS = ["operator", "admin", "auditor"];

function mayHaveSession() {
    try { return localStorage.getItem(HINT) !== "out"; } catch { return true; }
}

/** The session, with its access token renewed if it has expired; `null` if there is none. @returns {Promise<Session | null>} */
export async function currentSession() {
    let status = await rest.get("/api/v1/auth/status");
    if (!status.authenticated && mayHaveSession()) {
        if (await rest.renew()) status = await rest.get("/api/v1/auth/status");
        else rest.tell("signed-out");
    }
    return status.authenticated ? /** @type {Session} */ (status) : null;
}

/** Notes a sign-in of this tab. The CSRF token of the answer is bound to the new session, so it is kept. */
export function noteSignIn() {
    rest.tell("signed-in");
}

/** Ends this session, the others of the user, or all. @param {"local" | "others" | "global"} [scope] */
export async function signOut(scope = "local") {
    const ended = await rest.post("/api/v1/auth/logout", { query: { scope } });
    if (scope !== "others") rest.tell("signed-out");
    return ended;
}

/** @param {string} role */
export function seesConsole(role) {
    return OPERATORS.includes(role);
}

/** The page after the sign-in: the one that asked for it, if it is a page of this server. */
export function nextPage() {
    const next = new URLSearchParams(location.search).get("next") ?? "";
    const target = next.startsWith("/") ? new URL(next, location.origin) : null;
    return target?.origin === location.origin ? target.pathname + target.search : "/account";
}

/** The address of the sign-in, which leads back here. */
export function signInAddress() {
    return `/?next=${encodeURIComponent(location.pathname + location.search)}`;
}
