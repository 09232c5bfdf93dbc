// The devices of a user. The interface lists devices by user, so a user comes first.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { empty, failure, skeleton } from "../../lib/ui.js";
import { whyNone } from "../act.js";
import { heading, roleTag } from "../cells.js";
import { deviceColumns } from "../device-list.js";
import { List } from "../list.js";
import { Chooser } from "../user-chooser.js";

/** @typedef {import("../../types/rest").Schema<"User">} User */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const devices = new DevicesOf(desk, query);
    return {
        title: "Devices",
        follow: (changed) => devices.follow(changed),
        close: () => devices.close(),
        draw: () => html`${heading("Devices", { about: "A device belongs to a user: a browser or an application that has signed in." })}${devices.draw()}`,
    };
}

/** The choice of a user, and the devices of that user. The number of the user is in the address. */
export class DevicesOf {
    /** @type {User | null} */
    user = null;
    /** @type {unknown} */
    error = null;
    /** @type {List<any> | null} */
    list = null;
    #id = "";
    #reading = new AbortController();

    /** @param {import("../desk.js").Desk} desk @param {URLSearchParams} query */
    constructor(desk, query) {
        this.desk = desk;
        this.chooser = new Chooser(desk, (user) => desk.setQuery({ user: user.id, cursor: null }, { replace: false }));
        this.follow(query);
    }

    /** @param {URLSearchParams} query */
    follow(query) {
        const id = query.get("user") ?? "";
        if (id === this.#id) {
            this.list?.follow(query);
            return;
        }
        this.close();
        this.#id = id;
        this.user = this.list = this.error = null;
        this.#reading = new AbortController();
        if (!/^\d+$/.test(id)) return;
        this.#read(Number(id));
        this.list = new List(this.desk, {
            name: "devices", path: `/api/v1/admin/users/${id}/devices`, key: (one) => one.id,
            columns: deviceColumns(this.desk, Number(id), () => this.list?.reload(), () => this.desk.whyNotOn("operate", this.user)),
            nothing: { title: "The user has no device" },
        }, query);
    }

    close() {
        this.#reading.abort();
        this.list?.close();
        this.chooser.close();
    }

    /** @param {number} id */
    async #read(id) {
        const { signal } = this.#reading;
        try {
            this.user = await rest.get("/api/v1/admin/users/{id}", { path: { id }, signal });
        } catch (error) {
            if (signal.aborted) return;
            this.error = error;
        }
        this.desk.redraw();
    }

    draw() {
        const { user } = this;
        return html`${this.chooser.draw(user ? "Another user" : "Find the user")}
            ${this.error ? failure(this.error) : nothing}
            ${!this.list ? empty({ icon: "device", title: "Choose a user first", text: "Give a number, or the beginning of an e-mail address." })
            : user ? html`<h2 class="user-line"><a href="/console/users/${user.id}">${user.email}</a> ${roleTag(user.role)}</h2>${whyNone(this.desk.whyNotOn("operate", user))}${this.list.draw()}`
            : this.error ? nothing : skeleton(4)}`;
    }
}
