// The page `/account`: its parts, each in a file of its own, and the navigation between them.

import { html, nothing } from "../lib/html.js";
import { startPage } from "../lib/page.js";
import { createRouter } from "../lib/router.js";
import { icon } from "../lib/ui.js";
import { Activity } from "./activity.js";
import { Data } from "./data.js";
import { Devices } from "./devices.js";
import { Profile } from "./profile.js";
import { Security } from "./security.js";
import { Sessions } from "./sessions.js";

/** @typedef {import("../lib/page.js").Page} Page */
/** @typedef {import("../lib/html.js").Content} Content */
/**
 * A part of the account. It is made when it is opened, and ended when another one is.
 * @typedef {{ draw: () => Content, begin: () => void, end?: () => void }} Part
 */

/** @type {{ path: string, title: string, icon: string, make: (page: Page) => Part }[]} */
const PARTS = [
    { path: "/account", title: "Profile", icon: "user", make: (page) => new Profile(page) },
    { path: "/account/security", title: "Security", icon: "lock", make: (page) => new Security(page) },
    { path: "/account/sessions", title: "Sessions", icon: "session", make: (page) => new Sessions(page) },
    { path: "/account/devices", title: "Devices", icon: "device", make: (page) => new Devices(page) },
    { path: "/account/activity", title: "Activity", icon: "history", make: (page) => new Activity(page) },
    { path: "/account/data", title: "Your data", icon: "download", make: (page) => new Data(page) },
];

/** @type {Part | null} */
let shown = null;
let current = PARTS[0];

const page = startPage({
    title: "Account",
    place: "account",
    session: "required",
    width: "wide",
    begin: () => { router.apply(); },
    draw: () => html`<div class="sides">
        <nav class="side-nav" aria-label="Account">${PARTS.map((part) => html`
            <a href=${part.path} aria-current=${part === current ? "page" : nothing}>${icon(part.icon)}${part.title}</a>`)}</nav>
        <div class="stack"><h1>${current.title}</h1>${shown?.draw()}</div>
    </div>`,
});

const router = createRouter(Object.fromEntries([...PARTS.map((part) => [part.path, part]), ["/account/{other}", PARTS[0]]]), (part) => {
    shown?.end?.();
    const made = part.make(page);
    current = part;
    shown = made;
    page.rename(part.title);
    page.redraw();
    document.querySelector(".side-nav [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
    made.begin();
});
