// Finding one thing by its id, for views whose address has only the id.

import { rest } from "../lib/rest.js";

/** @typedef {import("./session-list.js").AnySession} AnySession */
/** @typedef {import("../types/rest").Schema<"User">} User */

/** The session with this id; `null` if the server has no row of it (any more). @param {string} id @param {AbortSignal} [signal] @returns {Promise<AnySession | null>} */
export async function findSession(id, signal) {
    const { sessions } = await rest.get("/api/v1/admin/sessions", { query: { session: id, limit: 1 }, signal });
    return sessions[0] ?? null;
}

/** The users with this number, or whose address begins with this text. @param {string} text @param {AbortSignal} [signal] @returns {Promise<User[]>} */
export async function findUsers(text, signal) {
    const query = /^\d+$/.test(text) ? { id: Number(text) } : { email: text };
    return (await rest.get("/api/v1/admin/users", { query: { ...query, limit: 10 }, signal })).users;
}
