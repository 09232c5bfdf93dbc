// The page `/console`: its navigation, its search, and the view that the address names.

import { html, nothing } from "../lib/html.js";
import { startPage } from "../lib/page.js";
import { createRouter } from "../lib/router.js";
import { seesConsole } from "../lib/session.js";
import { empty, failure, icon, skeleton } from "../lib/ui.js";
import { Desk } from "./desk.js";
import { PLACES, VIEWS } from "./places.js";
import { looksLikeToken, searchAddress } from "./search-terms.js";

/** @typedef {import("../lib/router.js").Route} Route */
/** @typedef {import("./desk.js").View} View */
/** @typedef {import("./places.js").Load} Load */

/** @type {Desk | null} */
let desk = null;
/** The view that is shown, and what it was opened with. @type {{ load: Load, parameters: string, view: View } | null} */
let shown = null;
/** @type {unknown} */
let failed = null;
/** Counts the changes of the address, so that a late module does not replace a newer view. */
let turn = 0;

const page = startPage({
    title: "Console",
    place: "console",
    session: "required",
    width: "full",
    begin(page) {
        if (!page.session || !seesConsole(page.session.user.role)) return;
        desk = new Desk(page.redraw, page.session.user);
        const router = createRouter(VIEWS, show);
        desk.router = router;
        if (!router.apply()) router.go("/console", { replace: true });
        desk.explore();
    },
    draw: (page) => (page.session && seesConsole(page.session.user.role) ? frame() : stranger()),
});

/** Shows the view of this address, or tells the present view of its new query. @param {Load} load @param {Route} route */
async function show(load, route) {
    const mine = ++turn;
    const parameters = JSON.stringify(route.parameters);
    if (shown?.load === load && shown.parameters === parameters && shown.view.follow) {
        shown.view.follow(route.query);
        page.redraw();
        return;
    }
    shown?.view.close?.();
    shown = null;
    failed = null;
    page.redraw();
    try {
        const { open } = await load();
        if (mine !== turn || !desk) return;
        shown = { load, parameters, view: open(desk, route) };
        page.rename(`${shown.view.title} · Console`);
    } catch (error) {
        failed = error;
    }
    page.redraw();
    // The router gives the focus to the page; the keyboard goes on in the screen, not in the navigation.
    if (document.activeElement?.id === "content") document.getElementById("screen")?.focus({ preventScroll: true });
}

function stranger() {
    return html`<div class="desk-alone">${empty({
        icon: "lock", title: "The console is for operators",
        text: "Your account has none of the roles that see it. An admin of this server can give you one.",
        action: html`<a class="button" href="/account">Go to your account</a>`,
    })}</div>`;
}

function frame() {
    return html`<div class="desk">
        ${side()}
        <div class="desk-main" id="screen" tabindex="-1">
            ${failed ? failure(failed, () => location.reload()) : shown ? shown.view.draw() : skeleton(5)}
        </div>
    </div>`;
}

/** The navigation: at the side, or behind a button in a narrow window. */
function side() {
    const here = PLACES.flatMap(([, places]) => places).findLast(({ address }) => isHere(address));
    return html`<div class="desk-side">
        <a class="skip" href="#screen">Skip the navigation</a>
        <form class="desk-search" role="search" @submit=${search}>
            <label class="visually-hidden" for="search">Search by anything</label>
            ${icon("search")}<input class="input" id="search" name="q" autocomplete="off" autocapitalize="off" spellcheck="false"
                placeholder="Search by anything" aria-describedby="search-hint">
            <span class="visually-hidden" id="search-hint">A number, an e-mail address, a network address, an id, a channel, or a token.
                Slash moves the focus here.</span>
        </form>
        <button type="button" class="button button-small desk-menu" aria-expanded="false" aria-controls="desk-nav" @click=${toggle}>
            ${icon("menu")}${here?.title ?? "Console"}</button>
        <nav id="desk-nav" class="desk-nav" aria-label="Console" @click=${closeMenu}>
            ${PLACES.map(([group, places]) => html`
                ${group ? html`<h2 class="desk-group">${group}</h2>` : nothing}
                <ul>${places.filter(isShown).map(({ title, address, symbol }) => html`<li>
                    <a href=${address} aria-current=${address === here?.address ? "page" : nothing}>${icon(symbol)}${title}</a></li>`)}</ul>`)}
        </nav>
    </div>`;
}

/** Whether the place is in the navigation of this caller on this server. @param {import("./places.js").Place} place */
function isShown({ needs, onlyIf }) {
    return desk !== null && (!needs || desk.may(needs)) && (!onlyIf || onlyIf(desk));
}

/** Whether the address that is shown belongs to this place. @param {string} address */
function isHere(address) {
    return address === "/console" ? /^\/console\/?$/.test(location.pathname) : `${location.pathname}/`.startsWith(`${address}/`);
}

/** @param {SubmitEvent} event */
function search(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const text = String(new FormData(form).get("q") ?? "").trim();
    if (!text || !desk) return;
    form.reset();
    // A token never becomes a part of an address.
    if (looksLikeToken(text)) desk.pasted = text;
    desk.go(searchAddress(text));
}

/** @param {Event} event */
function toggle(event) {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.parentElement?.classList.toggle("desk-open", open);
}

/** @param {Event} event */
function closeMenu(event) {
    if (!(event.target instanceof Element) || !event.target.closest("a")) return;
    document.querySelector(".desk-menu")?.setAttribute("aria-expanded", "false");
    document.querySelector(".desk-side")?.classList.remove("desk-open");
}

/** Closes the menus of acts that are open: all, or those that the click is not in. @param {Event} [event] */
function closeMenus(event) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
        const summary = /** @type {HTMLElement} */ (menu.querySelector("summary"));
        const within = event?.target instanceof Node && summary.contains(event.target);
        if (within) continue;
        if (menu.contains(document.activeElement)) summary.focus();
        menu.removeAttribute("open");
    }
}
document.addEventListener("click", closeMenus);

document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) closeMenus();
    const inField = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
    if (event.key !== "/" || inField || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("search")?.focus();
});
