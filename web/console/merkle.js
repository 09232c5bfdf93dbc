// Proofs of the audit log, computed in the browser (RFC 6962 hashes, C2SP checkpoints): a console that shows the server's own word
// for "verified" would prove nothing.

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** One step of a verification: `null` if this browser cannot make it. @typedef {{ words: string, holds: boolean | null }} Check */
/** @typedef {{ origin: string, size: number, root: Bytes, signed: string, signatures: string[] }} Checkpoint */

const text = new TextEncoder();

/** @param {string} base64 @returns {Bytes} */
export function fromBase64(base64) {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** @param {Bytes} bytes */
export function toBase64(bytes) {
    return btoa(String.fromCharCode(...bytes));
}

/** @param {...Bytes} parts @returns {Promise<Bytes>} */
async function hash(...parts) {
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        joined.set(part, at);
        at += part.length;
    }
    return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of a leaf. @param {string} leaf */
export function leafHash(leaf) {
    return hash(LEAF, text.encode(leaf));
}

/** @param {Bytes} left @param {Bytes} right */
function same(left, right) {
    return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

const half = (/** @type {number} */ value) => Math.floor(value / 2);
const odd = (/** @type {number} */ value) => value % 2 === 1;

/**
 * The root that an inclusion proof leads to; `null` if the proof has a wrong length.
 * @param {{ leaf: Bytes, index: number, size: number, hashes: Bytes[] }} proof
 */
export async function rootByInclusion({ leaf, index, size, hashes }) {
    if (index >= size) return null;
    let [node, last] = [index, size - 1];
    let root = leaf;
    for (const other of hashes) {
        if (last === 0) return null;
        if (odd(node) || node === last) {
            root = await hash(NODE, other, root);
            while (!odd(node) && node !== 0) [node, last] = [half(node), half(last)];
        } else {
            root = await hash(NODE, root, other);
        }
        [node, last] = [half(node), half(last)];
    }
    return last === 0 ? root : null;
}

/**
 * Whether the tree of `from` entries is the beginning of the tree of `to` entries.
 * @param {{ from: number, to: number, from_root: string, to_root: string, hashes: string[] }} proof
 */
export async function isConsistent(proof) {
    const { from, to } = proof;
    const [fromRoot, toRoot] = [fromBase64(proof.from_root), fromBase64(proof.to_root)];
    const hashes = proof.hashes.map(fromBase64);
    if (from === 0 || from > to) return false;
    if (from === to) return hashes.length === 0 && same(fromRoot, toRoot);
    let [node, last] = [from - 1, to - 1];
    while (odd(node)) [node, last] = [half(node), half(last)];
    // An earlier tree that is complete is itself a node of the later one, and the proof leaves it out.
    const first = node === 0 ? fromRoot : hashes.shift();
    if (!first) return false;
    let [earlier, later] = [first, first];
    for (const other of hashes) {
        if (last === 0) return false;
        if (odd(node) || node === last) {
            earlier = await hash(NODE, other, earlier);
            later = await hash(NODE, other, later);
            while (!odd(node) && node !== 0) [node, last] = [half(node), half(last)];
        } else {
            later = await hash(NODE, later, other);
        }
        [node, last] = [half(node), half(last)];
    }
    return last === 0 && same(earlier, fromRoot) && same(later, toRoot);
}

/** Reads a checkpoint. @param {string} note @returns {Checkpoint | null} */
export function readCheckpoint(note) {
    const end = note.indexOf("\n\n");
    const [origin, size, root] = note.slice(0, end).split("\n");
    if (end < 0 || !/^\d+$/.test(size ?? "") || !root) return null;
    const signatures = note.slice(end + 2).split("\n").filter((line) => line.startsWith("\u2014 "));
    return { origin, size: Number(size), root: fromBase64(root), signed: note.slice(0, end + 1), signatures };
}

/**
 * Whether a key of the log signed the checkpoint; `null` if this browser does not know Ed25519.
 * @param {Checkpoint} checkpoint @param {string} key in the form of C2SP signed notes: name, hash and key
 */
export async function isSigned(checkpoint, key) {
    const [, name, id, encoded] = /^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(key.trim()) ?? [];
    if (!name || !encoded) return false;
    const bytes = fromBase64(encoded);
    /** @type {CryptoKey} */
    let verifier;
    try {
        verifier = await crypto.subtle.importKey("raw", bytes.slice(1), "Ed25519", false, ["verify"]);
    } catch {
        return null;
    }
    for (const line of checkpoint.signatures) {
        const at = line.lastIndexOf(" ");
        const signature = fromBase64(line.slice(at + 1));
        const hint = [...signature.slice(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        if (line.slice(2, at) !== name || hint !== id) continue;
        return crypto.subtle.verify("Ed25519", verifier, signature.slice(4), text.encode(checkpoint.signed));
    }
    return false;
}

/** The canonical form: members in alphabetical order, no white space. @param {any} value @returns {string} */
export function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
    return `{${members.join(",")}}`;
}

/**
 * Verifies that a leaf is in the log of a signed checkpoint.
 * @param {{ leaf: string, index: number, hashes: string[], checkpoint?: string | null, root?: string, size?: number }} proof
 * @param {string} key
 * @returns {Promise<Check[]>}
 */
export async function verifyInclusion(proof, key) {
    const checkpoint = proof.checkpoint ? readCheckpoint(proof.checkpoint) : null;
    const size = checkpoint?.size ?? proof.size ?? 0;
    const wanted = checkpoint?.root ?? fromBase64(proof.root ?? "");
    const root = await rootByInclusion({ leaf: await leafHash(proof.leaf), index: proof.index, size, hashes: proof.hashes.map(fromBase64) });
    return [
        { words: `The entry leads to the root of the tree of ${size} entries`, holds: root !== null && same(root, wanted) },
        checkpoint ? { words: "The checkpoint of this tree is signed with the key of the log", holds: await isSigned(checkpoint, key) }
            : { words: "A signed checkpoint has this entry. The server signs one within a minute", holds: null },
    ];
}

/**
 * Verifies a receipt of a revocation.
 * @param {import("../types/rest").Schema<"SignedReceipt">} receipt @param {string} key
 * @returns {Promise<Check[]>}
 */
export async function verifyReceipt(receipt, key) {
    const { batch, reason } = receipt;
    const entry = /** @type {{ index: number, detail?: { receipts_root?: string } }} */ (receipt.entry);
    const root = await rootByInclusion({
        leaf: await leafHash(canonical(receipt.receipt)), index: batch.index, size: batch.size, hashes: batch.proof.map(fromBase64),
    });
    const stated = entry.detail?.receipts_root;
    const inLog = await verifyInclusion({ leaf: canonical(entry), index: entry.index, hashes: receipt.proof, checkpoint: receipt.checkpoint }, key);
    return [
        { words: "The receipt is in the batch that the log names", holds: root !== null && stated !== undefined && same(root, bytesOf(stated)) },
        ...inLog,
        ...reason ? [{ words: "The reason is the one that the receipt has the hash of", holds: await fitsReason(receipt.receipt.reason_hash, reason) }] : [],
    ];
}

/** Bytes in base64 or in hexadecimal. @param {string} encoded @returns {Bytes} */
function bytesOf(encoded) {
    if (!/^[0-9a-f]{64}$/.test(encoded)) return fromBase64(encoded);
    return Uint8Array.from(encoded.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {string} stated @param {{ salt: string, text: string }} reason */
async function fitsReason(stated, { salt, text: words }) {
    const bytes = Uint8Array.from(salt.replaceAll("-", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
    return same(await hash(bytes, text.encode(words)), bytesOf(stated));
}
