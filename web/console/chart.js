// Charts: small pictures of figures over time, each with a table behind a button. One picture per figure, drawn by the template layer.

import { html, nothing, svg } from "../lib/html.js";
import { dateTime, number, time } from "../lib/format.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {{ name: string, points: Map<number, number>, colour: number }} Line values by the moment, in milliseconds */
/**
 * @typedef {object} ChartParts
 * @property {string} title
 * @property {string} [about]
 * @property {Line[]} lines
 * @property {"bars" | "lines"} kind bars stand on each other; lines do not
 * @property {number} from milliseconds
 * @property {number} to
 * @property {number} step
 * @property {(value: number) => string} [format]
 * @property {number} [bound] a value that must not be exceeded, drawn as a line
 * @property {string} [nothing] what a chart without events says
 */

const WIDTH = 600;
const HEIGHT = 120;

/** @param {ChartParts} parts @returns {Content} */
export function chart(parts) {
    const { title, about, lines, kind, format = number } = parts;
    const moments = momentsOf(parts);
    const highest = Math.max(parts.bound ?? 0, ...moments.map((at) => heightAt(parts, at)), 0);
    const has = lines.some(({ points }) => points.size > 0);
    const top = niceCeiling(highest || 1);
    return html`<figure class="chart">
        <figcaption><h3>${title}</h3>${about ? html`<p class="soft small">${about}</p>` : nothing}</figcaption>
        <div class="chart-area">
            <span class="chart-top numbers" aria-hidden="true">${format(top)}</span>
            <svg class="chart-picture" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${summary(parts)}>
                ${[0, 0.5, 1].map((part) => svg`<path class="chart-grid" d=${`M0 ${HEIGHT * part}H${WIDTH}`}></path>`)}
                ${parts.bound ? svg`<path class="chart-bound" d=${`M0 ${y(parts.bound, top)}H${WIDTH}`}></path>` : nothing}
                ${has ? (kind === "bars" ? bars(parts, moments, top) : curves(parts, moments, top)) : nothing}
            </svg>
            ${has ? nothing : html`<p class="chart-empty">${parts.nothing ?? "Nothing in this time"}</p>`}
            <div class="chart-times numbers" aria-hidden="true"><span>${timeOf(parts, parts.from)}</span><span>${timeOf(parts, parts.to)}</span></div>
        </div>
        <ul class="chart-legend">${lines.map((line) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="chart-${line.colour}" width="10" height="10"></rect></svg>${line.name}
            <strong class="numbers">${kind === "bars" ? format(total(line)) : format(latest(line))}</strong></li>`)}</ul>
        ${has ? html`<details class="chart-table"><summary>${title} as a table</summary>${table(parts, moments)}</details>` : nothing}
    </figure>`;
}

/** Every period, and every moment that has a value, although the server's periods begin otherwise. @param {ChartParts} parts */
function momentsOf({ from, to, step, lines }) {
    const moments = new Set(lines.flatMap(({ points }) => [...points.keys()]));
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) moments.add(at);
    return [...moments].sort((left, right) => left - right);
}

/** @param {ChartParts} parts @param {number} at */
function heightAt({ lines, kind }, at) {
    const values = lines.map(({ points }) => points.get(at) ?? 0);
    return kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
}

/** The next number that reads well. @param {number} value */
function niceCeiling(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    const factor = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
    return factor * power;
}

/** @param {number} value @param {number} top */
const y = (value, top) => HEIGHT - Math.min(1, value / top) * HEIGHT;

/** @param {ChartParts} parts @param {number} at */
function x({ from, to, step }, at) {
    return (at - from) / Math.max(1, to - from + step) * WIDTH;
}

/** @param {ChartParts} parts @param {number[]} moments @param {number} top */
function bars(parts, moments, top) {
    const width = Math.max(1, WIDTH / Math.max(1, moments.length) - 1.5);
    return moments.filter((at) => heightAt(parts, at) > 0).map((at) => {
        let base = HEIGHT;
        const pieces = parts.lines.map(({ points, colour }) => {
            const height = HEIGHT - y(points.get(at) ?? 0, top);
            base -= height;
            return height > 0 ? svg`<rect class=${`chart-${colour}`} x=${x(parts, at)} y=${base} width=${width} height=${height}></rect>` : nothing;
        });
        return svg`<g><title>${caption(parts, at)}</title>${pieces}</g>`;
    });
}

/** @param {ChartParts} parts @param {number[]} moments @param {number} top */
function curves(parts, moments, top) {
    return parts.lines.map(({ points, colour }) => {
        const places = moments.filter((at) => points.has(at)).map((at) => `${x(parts, at).toFixed(1)} ${y(points.get(at) ?? 0, top).toFixed(1)}`);
        if (places.length === 1) return svg`<circle class=${`chart-${colour}`} cx=${places[0].split(" ")[0]} cy=${places[0].split(" ")[1]} r="2.5"></circle>`;
        return svg`<path class=${`chart-line chart-line-${colour}`} d=${`M${places.join("L")}`}></path>`;
    });
}

/** @param {ChartParts} parts @param {number} at */
function caption({ lines, format = number }, at) {
    const values = lines.filter(({ points }) => points.has(at)).map(({ name, points }) => `${name} ${format(points.get(at) ?? 0)}`);
    return `${dateTime(at)}: ${values.join(", ")}`;
}

/** @param {Line} line */
const total = ({ points }) => [...points.values()].reduce((sum, value) => sum + value, 0);
/** @param {Line} line */
const latest = ({ points }) => points.get(Math.max(...points.keys())) ?? 0;

/** What the picture shows, for people who do not see it. @param {ChartParts} parts */
function summary({ title, lines, kind, format = number }) {
    const parts = lines.map((line) => `${line.name} ${format(kind === "bars" ? total(line) : latest(line))}`);
    return `${title}. ${kind === "bars" ? "Together" : "At last"}: ${parts.join(", ") || "nothing"}.`;
}

/** @param {ChartParts} parts @param {number} at */
function timeOf({ from, to }, at) {
    return to - from > 2 * 86_400_000 ? dateTime(at) : time(at).replace(/:\d\d(?=\D*$)/, "");
}

/** @param {ChartParts} parts @param {number[]} moments */
function table({ title, lines, format = number }, moments) {
    const rows = moments.filter((at) => lines.some(({ points }) => points.has(at))).reverse();
    return html`<div class="table-scroll chart-rows" tabindex="0" role="region" aria-label="${title}: table"><table class="table table-dense">
        <thead><tr><th scope="col">Time</th>${lines.map(({ name }) => html`<th scope="col" class="right">${name}</th>`)}</tr></thead>
        <tbody>${rows.map((at) => html`<tr><th scope="row">${dateTime(at)}</th>${lines.map(({ points }) => html`<td class="right">${points.has(at) ? format(points.get(at) ?? 0) : "–"}</td>`)}</tr>`)}</tbody>
    </table></div>`;
}
