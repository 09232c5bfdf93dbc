// Credentials that were found somewhere: what they say about themselves, read in this browser. They are sent nowhere.

import { rest } from "../lib/rest.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/**
 * What a credential says. Its claims are not proved: only the server can check the signature of most tokens.
 * @typedef {object} Examined
 * @property {"access" | "refresh" | "api-key" | "unknown"} kind
 * @property {string} [session]
 * @property {number} [user]
 * @property {string} [subject] the user of another issuer
 * @property {string} [issuer]
 * @property {string} [email]
 * @property {string} [role]
 * @property {string} [algorithm]
 * @property {string} [keyId]
 * @property {number} [issuedAt] milliseconds
 * @property {number} [expiresAt] milliseconds
 * @property {number} [rotation] how often the refresh token had been exchanged
 * @property {string} [apiKey] the id of the key
 */

/** @param {string} text @returns {Bytes} */
function fromBase64Url(text) {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

/** @param {string} part @returns {Record<string, any> | null} */
function jsonOf(part) {
    try {
        const value = JSON.parse(new TextDecoder().decode(fromBase64Url(part)));
        return value !== null && typeof value === "object" ? value : null;
    } catch {
        return null;
    }
}

/** Reads a credential. @param {string} pasted @returns {Examined} */
export function examine(pasted) {
    const text = pasted.trim().replace(/^authorization:\s*/i, "").replace(/^bearer\s+/i, "").replace(/^(access|refresh)_token=/, "").replace(/;$/, "");
    const key = /^pck_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_/.exec(text);
    if (key) return { kind: "api-key", apiKey: key.slice(1).join("-") };
    const parts = text.split(".");
    return parts.length === 3 ? examineJwt(parts) : examineRefresh(text);
}

/** @param {string[]} parts @returns {Examined} */
function examineJwt([head, body]) {
    const [header, claims] = [jsonOf(head), jsonOf(body)];
    if (!header || !claims) return { kind: "unknown" };
    const own = typeof claims.sid === "string" && /^\d+$/.test(String(claims.sub ?? ""));
    return {
        kind: "access",
        session: own ? claims.sid : undefined,
        user: own ? Number(claims.sub) : undefined,
        subject: own ? undefined : claims.sub,
        issuer: claims.iss, email: claims.email, role: claims.role,
        algorithm: header.alg, keyId: header.kid,
        issuedAt: claims.iat ? claims.iat * 1000 : undefined,
        expiresAt: claims.exp ? claims.exp * 1000 : undefined,
    };
}

/** A refresh token: a version, the id of the session, the number of its rotation, and a code. @param {string} text @returns {Examined} */
function examineRefresh(text) {
    try {
        const bytes = fromBase64Url(text);
        if (bytes[0] !== 1 || bytes.length < 41) return { kind: "unknown" };
        const digits = [...bytes.slice(1, 17)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const session = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
        return { kind: "refresh", session, rotation: Number(new DataView(bytes.buffer).getBigUint64(17)) };
    } catch {
        return { kind: "unknown" };
    }
}

/** Whether the server's published key signed this token; `null` if that cannot be checked here (HS256, or an old browser). @param {string} pasted @param {Examined} examined */
export async function isGenuine(pasted, { algorithm, keyId }) {
    if (algorithm !== "EdDSA") return null;
    try {
        const { keys } = await rest.request("GET", "/.well-known/jwks.json");
        const key = keys.find((/** @type {{ kid: string }} */ { kid }) => kid === keyId);
        if (!key) return false;
        const verifier = await crypto.subtle.importKey("jwk", key, "Ed25519", false, ["verify"]);
        const [, head, body, signature] = /([\w-]+)\.([\w-]+)\.([\w-]+)/.exec(pasted) ?? [];
        return await crypto.subtle.verify("Ed25519", verifier, fromBase64Url(signature), new TextEncoder().encode(`${head}.${body}`));
    } catch {
        return null;
    }
}
