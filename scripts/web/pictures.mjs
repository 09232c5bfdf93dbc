// Makes pictures of every page: at 360 and 1440 px, light and dark. Usage: node pictures.mjs <program> <folder>
//
// The program is started as `portcullis dev` with a database of its own. The pictures are made after what the scenes do with the
// page, so they show pages with content.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { startBrowser } from "./browser.mjs";

const [program, folder] = process.argv.slice(2).map((path) => resolve(path));
const SIZES = [[1440, 900], [360, 780]];
const SCHEMES = ["light", "dark"];

/** A page: its name, its address, a text that it shows when it is complete, and what is done on it before the picture. */
const VISITOR = [
    ["sign-in", "/", "Forgotten password"],
    ["sign-in-error", "/", "Forgotten password", async (page) => { await page.press("Sign in"); await page.sees("Fill in this field."); }],
    ["register", "/register", "Sign in instead", async (page) => { await page.fill("Password", "qwertyuiop"); await page.sees("tried first"); }],
    ["forgot", "/forgot", "Back to the sign-in"],
    ["verify", "/verify#token=x", "Confirm the address"],
    ["reset", "/reset#token=x", "Change the password", async (page) => { await page.fill("New password", "correct-zebra-lantern-42"); await page.sees("Strong."); }],
    ["not-me", "/not-me#token=x", "End all sessions"],
    ["not-found", "/nowhere", "There is nothing here"],
];
const USER = [
    ["account", "/account", "Member since"],
    ["security", "/account/security", "No passkeys yet"],
    ["authenticator-app", "/account/security", "No passkeys yet", async (page) => {
        await page.press("Set up an app");
        await page.until("document.querySelector('.qr')?.naturalWidth > 0");
    }],
    ["sessions", "/account/sessions", "This session"],
    ["devices", "/account/devices", "This device"],
    ["activity", "/account/activity", "Signed in"],
    ["data", "/account/data", "Erase the account"],
    ["erase", "/account/data", "Erase the account", async (page) => { await page.press("Erase the account"); await page.sees("Keep the account"); }],
    ["chat", "/chat/chat:lobby", "Live", async (page) => {
        for (const text of ["Good morning. The new build is on the staging machines.", "End my session whenever you like."]) {
            await page.fill("Message to", text);
            await page.press("Send");
            await page.until("document.querySelector('.message:last-of-type')?.dataset.state === 'sent'");
        }
        await page.fill("Message to", "I was just about to s");
    }],
    // The end of the session: the last picture of this user.
    ["chat-shut", "/chat/chat:lobby", "Live", async (page) => {
        await page.run(`const { href } = [...document.querySelectorAll("link")].find(({ href }) => href.endsWith("/lib/rest.js"));
            return import(href).then(({ rest }) => rest.post("/api/v1/auth/logout"));`);
        await page.until("document.querySelector('.door')?.dataset.done === 'true'");
    }],
];
const OPERATOR = [["console", "/console", "Console"]];

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

/** A development server with a database of its own. */
async function startServer() {
    const home = mkdtempSync(join(tmpdir(), "portcullis-pictures-"));
    const port = await freePort();
    const child = spawn(program, ["dev", "--port", String(port)], { cwd: home, stdio: "ignore", env: { ...process.env, TLS_PORT: "0" } });
    const origin = `http://localhost:${port}`;
    for (let tries = 0; ; tries++) {
        if (await fetch(`${origin}/health/ready`).then(({ ok }) => ok, () => false)) break;
        if (tries > 600) throw new Error("the server does not start");
        await new Promise((done) => setTimeout(done, 100));
    }
    const stop = async () => {
        child.kill("SIGTERM");
        await new Promise((done) => child.once("exit", done));
        rmSync(home, { recursive: true, force: true });
    };
    return { origin, stop, facts: JSON.parse(readFileSync(join(home, "data/dev.json"), "utf8")) };
}

const FUNCTIONS = `
    const scope = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    const clean = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
    const nameOf = (element) => clean(element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText);
    const named = (kinds, name) => [...scope().querySelectorAll(kinds)].find((element) => nameOf(element).startsWith(name));`;

/** What a scene may do with a page. */
function hands(tab, origin) {
    const run = (script) => tab.evaluate(`(() => { ${FUNCTIONS} ${script} })()`);
    const until = (condition) => tab.until(`(() => { ${FUNCTIONS} return document.body !== null && (${condition}); })()`);
    const sees = (text) => until(`clean(document.body.innerText).includes(${JSON.stringify(text)})`);
    return {
        run, until, sees,
        async visit(path) {
            await tab.send("Page.navigate", { url: "about:blank" });
            await tab.send("Page.navigate", { url: origin + path });
        },
        async press(name) {
            await until(`named("button, a", ${JSON.stringify(name)}) !== undefined`);
            await run(`named("button, a", ${JSON.stringify(name)}).click();`);
        },
        async fill(label, text) {
            await until(`named("input, textarea", ${JSON.stringify(label)}) !== undefined`);
            await run(`const field = named("input, textarea", ${JSON.stringify(label)}); field.focus(); field.select?.();`);
            await tab.send("Input.insertText", { text });
        },
    };
}

async function picture(tab, name) {
    for (const [width, height] of SIZES) {
        await tab.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
        for (const scheme of SCHEMES) {
            const features = [{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }];
            await tab.send("Emulation.setEmulatedMedia", { features });
            await tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
            const { data } = await tab.send("Page.captureScreenshot", { format: "png" });
            writeFileSync(join(folder, `${name}-${width}-${scheme}.png`), Buffer.from(data, "base64"));
        }
    }
    await tab.send("Emulation.clearDeviceMetricsOverride");
}

async function signIn(page, user) {
    await page.visit("/");
    await page.fill("E-mail address", user.email);
    await page.fill("Password", user.password);
    await page.press("Sign in");
    await page.sees("Member since");
}

/** Sessions on other devices, one of them with an open connection, and an attempt that fails. */
async function live(browser, server, user) {
    const login = (agent, password) => fetch(`${server.origin}/api/v1/auth/jwt/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "User-Agent": agent },
        body: JSON.stringify({ username: user.email, password }),
    });
    await login("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "a wrong password");
    await login("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", user.password);
    const page = hands(await browser.tab(), server.origin);
    await signIn(page, user);
    await page.visit("/chat");
    await page.sees("Chat");
}

async function show(browser, server, scenes, user) {
    const tab = await browser.tab();
    const page = hands(tab, server.origin);
    if (user) await signIn(page, user);
    for (const [name, path, text, act] of scenes) {
        await page.visit(path);
        await page.sees(text);
        await act?.(page);
        await picture(tab, name);
        process.stdout.write(`${name} `);
    }
    if (tab.complaints.length > 0) throw new Error(tab.complaints.join("\n"));
}

mkdirSync(folder, { recursive: true });
const server = await startServer();
const browser = await startBrowser();
try {
    const named = (role) => server.facts.users.find(({ role: own }) => own === role);
    await show(browser, server, VISITOR);
    await live(browser, server, named("user"));
    await show(browser, server, USER, named("user"));
    await show(browser, server, OPERATOR, named("admin"));
    console.log(`\n${folder}`);
} finally {
    await browser.stop();
    await server.stop();
}
