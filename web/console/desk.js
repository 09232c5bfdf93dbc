// What every view of the console gets: the caller and what the caller may do, the way to other views, and a redraw.

import { rest } from "../lib/rest.js";
import { isProblem } from "../lib/errors.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {import("../lib/router.js").Route} Route */
/** @typedef {import("../types/rest").Schema<"SignedInAccount">} Caller */
/** What a role permits: end sessions and the like; change accounts and the server; read the audit log. @typedef {"operate" | "administer" | "audit"} Right */

/**
 * A view: what an address of the console shows.
 * @typedef {object} View
 * @property {string} title
 * @property {() => Content} draw
 * @property {(query: URLSearchParams) => void} [follow] the query has changed; without it the view is opened anew
 * @property {() => void} [close] ends requests and polling
 */
/** Opens a view. @typedef {(desk: Desk, route: Route) => View} Open */

/** What the tab knows about the server. */
const OFFERS_MAIL = "portcullis.offers-mail";
/** @type {Record<Right, string[]>} */
const ROLES = { operate: ["operator", "admin"], administer: ["admin"], audit: ["auditor", "admin"] };

export class Desk {
    /** A token that was pasted into the search, until the incident screen takes it. It is in no address and in no storage. @type {string | null} */
    pasted = null;
    /** @type {ReturnType<typeof import("../lib/router.js").createRouter> | null} */
    router = null;
    /** Whether the server has an interface for mails. */
    offersMail = false;

    /** @param {() => void} redraw @param {Caller} me */
    constructor(redraw, me) {
        this.redraw = redraw;
        this.me = me;
    }

    /** Whether the caller's role permits this. The server decides; this only saves buttons that it would refuse. @param {Right} right */
    may(right) {
        return ROLES[right].includes(this.me.role);
    }

    /** Why the caller may not do this; `""` if the caller may. @param {Right} right */
    whyNot(right) {
        if (this.may(right)) return "";
        if (this.me.role === "auditor") return "Your role, auditor, sees everything and changes nothing.";
        return right === "audit" ? "The audit log is for auditors and admins." : "Only admins may do this.";
    }

    /**
     * Why the caller may not act on this account; `""` if the caller may.
     * @param {Right} right @param {{ id: number, role?: string } | null} user
     */
    whyNotOn(right, user) {
        const why = this.whyNot(right);
        if (why || !user) return why;
        if (user.role === "canary") return "This is the account of drills. Nothing can be done to it.";
        if (user.role === "admin" && this.me.role === "operator") return "An operator cannot act on an admin.";
        if (right === "administer" && user.id === this.me.id) return "This is your own account. Another admin can change it.";
        return "";
    }

    /** Finds out what this server offers, once in a tab: the question is an event of the audit log. */
    async explore() {
        try {
            if (sessionStorage.getItem(OFFERS_MAIL) === null) {
                await rest.request("GET", "/api/v1/admin/mail", { query: { limit: 1 } });
                sessionStorage.setItem(OFFERS_MAIL, "yes");
            }
        } catch (error) {
            if (isProblem(error, "not_found")) sessionStorage.setItem(OFFERS_MAIL, "no");
        }
        this.offersMail = sessionStorage.getItem(OFFERS_MAIL) === "yes";
        this.redraw();
    }

    /** @param {string} address */
    go(address) {
        this.router?.go(address);
    }

    /** @param {Record<string, string | number | null | undefined>} changes @param {{ replace?: boolean }} [options] */
    setQuery(changes, options) {
        this.router?.setQuery(changes, options);
    }
}
