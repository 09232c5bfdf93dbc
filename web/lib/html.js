// The template layer: lit-html, as far as pages use it. Templates are written in the code; values in them are always text or
// attributes, never structure. There is no way here to make structure out of a text, and the policy of pages forbids it.

export { html, svg, nothing, render } from "../vendor/lit-html/lit-html.js";
export { repeat } from "../vendor/lit-html/directives/repeat.js";
export { live } from "../vendor/lit-html/directives/live.js";
export { ref, createRef } from "../vendor/lit-html/directives/ref.js";
export { keyed } from "../vendor/lit-html/directives/keyed.js";
export { classMap } from "../vendor/lit-html/directives/class-map.js";
export { ifDefined } from "../vendor/lit-html/directives/if-defined.js";

/** @typedef {import("../vendor/lit-html/lit-html.js").TemplateResult | string | number | typeof import("../vendor/lit-html/lit-html.js").nothing | null | undefined | readonly Content[]} Content */
