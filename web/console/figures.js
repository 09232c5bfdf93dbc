// The figures over time: which series are read, and the chart of each.

import { rest } from "../lib/rest.js";
import { chart } from "./chart.js";
import { milliseconds, words } from "./words.js";

/** @typedef {import("../types/rest").Schema<"Statistics">} Statistics */
/** @typedef {import("./chart.js").ChartParts} ChartParts */
/** @typedef {import("./chart.js").Line} Line */
/** @typedef {{ at: string, count?: number, p50_ms?: number | null, p99_ms?: number | null, mean?: number, highest?: number }} Point */

/** The ranges: seconds, and the length of a period. @type {Record<string, { title: string, length: number, step: number }>} */
export const RANGES = {
    "1h": { title: "The last hour", length: 3600, step: 60 },
    "6h": { title: "6 hours", length: 21_600, step: 300 },
    "24h": { title: "24 hours", length: 86_400, step: 900 },
    "7d": { title: "7 days", length: 604_800, step: 7200 },
    "30d": { title: "30 days", length: 2_592_000, step: 28_800 },
};

/** The promise of a revocation by the same node, in milliseconds. */
export const BOUND = 50;

/** The colours of labels whose meaning is always the same; other labels get the colours in turn. @type {Record<string, number>} */
const COLOURS = { success: 1, rotated: 1, refused: 2, reused: 2, challenged: 3, repeated: 3, superseded: 4, repeated_late: 5, revoked: 1, signed_out: 3 };

/** @param {string[]} series @param {string} range @param {AbortSignal} signal */
export function readFigures(series, range, signal) {
    const { length, step } = RANGES[range] ?? RANGES["1h"];
    const from = new Date(Date.now() - length * 1000).toISOString();
    return rest.get("/api/v1/admin/statistics", { query: { series: series.join(","), from, step }, signal, timeout: 30_000 });
}

/** The labels of a series with their points. @param {Statistics} figures @param {string} name @returns {{ label: string, points: Point[] }[]} */
export function labelsOf(figures, name) {
    return /** @type {any} */ (figures.series.find((one) => one.name === name)?.labels ?? []);
}

/** The sum of a count over the time. @param {Statistics} figures @param {string} name @param {string} [label] */
export function sumOf(figures, name, label) {
    const labels = labelsOf(figures, name).filter((one) => label === undefined || one.label === label);
    return labels.flatMap(({ points }) => points).reduce((sum, { count = 0 }) => sum + count, 0);
}

/** The latest value of a gauge. @param {Statistics} figures @param {string} name */
export function latestOf(figures, name) {
    return labelsOf(figures, name)[0]?.points.at(-1)?.highest ?? 0;
}

/** @param {Point[]} points @param {(point: Point) => number | null | undefined} value */
function pointsBy(points, value) {
    /** @type {Map<number, number>} */
    const found = new Map();
    for (const point of points) {
        const one = value(point);
        if (one !== null && one !== undefined) found.set(Date.parse(point.at), one);
    }
    return found;
}

/** @param {Statistics} figures @param {string} name @param {(point: Point) => number | null | undefined} [value] @returns {Line[]} */
function linesOf(figures, name, value = ({ count }) => count) {
    const labels = labelsOf(figures, name);
    const taken = labels.map(({ label }) => COLOURS[label]);
    const free = [1, 4, 3, 5, 2].filter((colour) => !taken.includes(colour));
    let next = 0;
    return labels.map(({ label, points }) => ({
        name: words(label) || words(name), points: pointsBy(points, value), colour: COLOURS[label] ?? free[next++ % free.length] ?? 5,
    }));
}

/** Of several labels, the highest value of each period. @param {Statistics} figures @param {string} name @param {(point: Point) => number | null | undefined} value */
function highestOf(figures, name, value) {
    /** @type {Map<number, number>} */
    const highest = new Map();
    for (const { points } of labelsOf(figures, name)) {
        for (const [at, one] of pointsBy(points, value)) highest.set(at, Math.max(one, highest.get(at) ?? 0));
    }
    return highest;
}

/** @param {Statistics} figures @returns {Pick<ChartParts, "from" | "to" | "step">} */
const frameOf = ({ from, to, step }) => ({ from: Date.parse(from), to: Date.parse(to), step: step * 1000 });

/** The charts by their names. @type {Record<string, (figures: Statistics) => ReturnType<typeof chart>>} */
export const CHARTS = {
    sign_ins: (figures) => chart({ title: "Sign-ins", kind: "bars", lines: linesOf(figures, "sign_ins"), nothing: "No sign-ins in this time", ...frameOf(figures) }),
    sockets: (figures) => chart({
        title: "Open sockets and their users", kind: "lines", ...frameOf(figures),
        lines: [
            { name: "sockets", points: pointsBy(labelsOf(figures, "connections")[0]?.points ?? [], ({ highest }) => highest), colour: 1 },
            { name: "users", points: pointsBy(labelsOf(figures, "connected_users")[0]?.points ?? [], ({ highest }) => highest), colour: 3 },
        ],
    }),
    latency: (figures) => chart({
        title: "Time to revoke", kind: "lines", format: milliseconds, bound: BOUND, ...frameOf(figures), nothing: "No revocations in this time",
        about: "Until the node that got the request had closed its sockets. The line is the promise, 50 ms.",
        lines: [
            { name: "p50", points: highestOf(figures, "revocations", ({ p50_ms }) => p50_ms), colour: 1 },
            { name: "p99", points: highestOf(figures, "revocations", ({ p99_ms }) => p99_ms), colour: 4 },
        ],
    }),
    limits: (figures) => chart({ title: "Requests refused by limits", kind: "bars", lines: linesOf(figures, "limits"), nothing: "No limit was reached", ...frameOf(figures) }),
    refreshes: (figures) => chart({ title: "Refreshes", kind: "bars", about: "A reused token may be a stolen one: it ends its session.", lines: linesOf(figures, "refreshes"), nothing: "No refreshes in this time", ...frameOf(figures) }),
    sessions: (figures) => chart({ title: "Open sessions", kind: "lines", lines: linesOf(figures, "sessions", ({ highest }) => highest), ...frameOf(figures) }),
    revocations: (figures) => chart({ title: "Revocations by cause", kind: "bars", lines: linesOf(figures, "revocations"), nothing: "No revocations in this time", ...frameOf(figures) }),
    sessions_revoked: (figures) => chart({ title: "Sessions that were revoked", kind: "bars", lines: linesOf(figures, "sessions_revoked"), nothing: "No session was revoked", ...frameOf(figures) }),
    drills: (figures) => chart({ title: "Drills: until a client saw the door shut", kind: "lines", format: milliseconds, about: "p99 by door. 50 ms if the same node revokes, 1 s if another one does.", lines: linesOf(figures, "drills", ({ p99_ms }) => p99_ms), nothing: "No drill in this time", ...frameOf(figures) }),
};

/** The series that the charts need. */
export const SERIES = ["sign_ins", "refreshes", "limits", "revocations", "sessions_revoked", "drills", "sessions", "connections", "connected_users"];
