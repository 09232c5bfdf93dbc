// Devices: trust, rename, forget.

import { html, nothing, repeat } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { counted, date, endedWords, placeName, relative } from "../lib/format.js";
import { card, confirmed, empty, icon, tag } from "../lib/ui.js";
import { Loaded, attempt } from "./loaded.js";
import { askName } from "./passkeys.js";
import { deviceIcon } from "./words.js";

/** @typedef {import("../types/rest").Schema<"Device">} Device */
/** @typedef {{ devices: Device[], next: string | null }} Listed */

export class Devices {
    /** @param {import("../lib/page.js").Page} page */
    constructor({ redraw }) {
        /** @type {Loaded<Listed>} */
        this.list = new Loaded(() => read(), redraw);
    }

    begin() {
        this.list.load();
    }

    draw() {
        return card({
            title: "Known devices",
            about: "A trusted device needs no second proof at the sign-in for 30 days. Forgetting a device ends its sessions.",
            body: this.list.show(({ devices, next }) => (devices.length === 0
                ? empty({ icon: "device", title: "No devices" })
                : html`<ul class="list">${repeat(devices, (device) => device.id, (device) => this.#item(device))}</ul>
                    ${next ? html`<p class="list-more"><button type="button" class="button" @click=${() => this.#more(next)}>Show more</button></p>` : nothing}`), 4),
        });
    }

    /** @param {Device} device */
    #item(device) {
        const trusted = device.trust !== "new";
        const facts = [[device.browser, device.system].filter(Boolean).join(" on "), placeName(device.place), device.address].filter(Boolean);
        return html`<li class="item">${icon(deviceIcon(`${device.system} ${device.label}`))}
            <div><div class="item-title">${device.label}
                    ${device.current ? tag("This device", "accent") : nothing}${trustTag(device)}
                    ${device.open_connections > 0 ? tag(counted(device.open_connections, "open connection"), "good") : nothing}</div>
                <div class="item-facts">${facts.join(" · ")}</div>
                <div class="item-facts">${counted(device.sessions, "session")} · last seen ${relative(device.last_seen_at)} · known since ${date(device.created_at)}</div></div>
            <div class="item-actions">
                <button type="button" class="button button-small" aria-label="Rename ${device.label}" @click=${() => this.#rename(device)}>Rename</button>
                ${trusted || device.current ? html`<button type="button" class="button button-small" aria-label="${trusted ? "Distrust" : "Trust"} ${device.label}"
                    @click=${() => this.#trust(device, trusted ? "new" : "trusted")}>${trusted ? "Distrust" : "Trust"}</button>` : nothing}
                <button type="button" class="button button-small button-danger" aria-label="Forget ${device.label}" @click=${() => this.#forget(device)}>Forget</button>
            </div></li>`;
    }

    /** @param {string} cursor */
    async #more(cursor) {
        await attempt(async () => {
            const more = await read(cursor);
            this.list.value = { devices: [...this.list.value?.devices ?? [], ...more.devices], next: more.next };
        });
        this.list.redraw();
    }

    /** @param {Device} device */
    async #rename(device) {
        await askName("Rename the device", device.label, "Save", async (label) => {
            await rest.patch("/api/v1/devices/{id}", { path: { id: device.id }, body: { label } });
        });
        this.list.load();
    }

    /** @param {Device} device @param {"new" | "trusted"} trust */
    async #trust(device, trust) {
        await attempt(async () => {
            await rest.patch("/api/v1/devices/{id}", { path: { id: device.id }, body: { trust } });
            return trust === "trusted" ? `${device.label} is trusted for 30 days.` : `${device.label} is no longer trusted.`;
        });
        this.list.load();
    }

    /** @param {Device} device */
    async #forget(device) {
        const sure = await confirmed({
            title: `Forget ${device.label}?`,
            text: html`<p>${device.sessions > 0 ? `${counted(device.sessions, "session")} on it will end, with all connections.` : "It has no open session."}
                ${device.current ? "This window is on it, so you will be signed out." : nothing}</p>`,
            action: "Forget it",
        });
        if (!sure) return;
        await attempt(async () => {
            const ended = await rest.delete("/api/v1/devices/{id}", { path: { id: device.id } });
            if (!device.current) return endedWords(ended);
            rest.tell("signed-out");
            location.assign("/");
        });
        this.list.load();
    }
}

/** @param {Device} device */
function trustTag({ trust, trusted_until }) {
    const until = trusted_until ? ` until ${date(trusted_until)}` : "";
    if (trust === "trusted") return tag(`Trusted${until}`, "good");
    return trust === "verified" ? tag(`Passkey used${until}`, "good") : nothing;
}

/** @param {string} [cursor] @returns {Promise<Listed>} */
async function read(cursor) {
    const page = await rest.get("/api/v1/devices", { query: { cursor } });
    return { devices: page.devices, next: page.next_cursor ?? null };
}
