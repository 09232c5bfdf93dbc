// Headless Chromium, controlled over a pipe (DevTools protocol): no library is needed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = [process.env.PORTCULLIS_BROWSER, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
    "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
    "--remote-debugging-pipe", "about:blank",
];

/** Starts a browser. */
export async function startBrowser() {
    const profile = mkdtempSync(join(tmpdir(), "portcullis-browser-"));
    const child = await started(NAMES.filter(Boolean), profile);
    const waiting = new Map();
    const listeners = new Set();
    let next = 1;
    let rest = "";
    child.stdio[4].setEncoding("utf8");
    child.stdio[4].on("data", (piece) => {
        const messages = (rest + piece).split("\0");
        rest = messages.pop();
        for (const text of messages) {
            const message = JSON.parse(text);
            if (message.id === undefined) for (const listener of listeners) listener(message);
            else {
                const { done, failed } = waiting.get(message.id);
                waiting.delete(message.id);
                if (message.error) failed(new Error(message.error.message)); else done(message.result);
            }
        }
    });
    const send = (method, params = {}, sessionId = undefined) => new Promise((done, failed) => {
        waiting.set(next, { done, failed });
        child.stdio[3].write(`${JSON.stringify({ id: next++, method, params, sessionId })}\0`);
    });
    return {
        send,
        /** A tab in a context of its own: it shares no cookies with others. */
        async tab() {
            const { browserContextId } = await send("Target.createBrowserContext");
            const { targetId } = await send("Target.createTarget", { url: "about:blank", browserContextId });
            const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
            const tab = (method, params) => send(method, params, sessionId);
            const complaints = [];
            listeners.add((event) => {
                if (event.sessionId !== sessionId) return;
                if (event.method === "Runtime.exceptionThrown") complaints.push(event.params.exceptionDetails.exception?.description ?? event.params.exceptionDetails.text);
                if (event.method === "Log.entryAdded" && event.params.entry.source !== "network" && event.params.entry.level === "error") complaints.push(event.params.entry.text);
                if (event.method === "Runtime.consoleAPICalled" && event.params.type === "error") complaints.push(JSON.stringify(event.params.args.map((arg) => arg.value ?? arg.description)));
            });
            for (const domain of ["Page", "Runtime", "Log"]) await tab(`${domain}.enable`);
            await tab("Emulation.setFocusEmulationEnabled", { enabled: true });
            const evaluate = async (expression) => {
                const answer = await tab("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
                if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text);
                return answer.result.value;
            };
            /** Waits until the expression is true. */
            const until = async (expression, patience = 10_000) => {
                const began = Date.now();
                for (;;) {
                    const value = await evaluate(expression).catch((error) => (/context|navigat/i.test(error.message) ? false : Promise.reject(error)));
                    if (value) return value;
                    if (Date.now() - began > patience) throw new Error(`never true: ${expression}\n${await evaluate("location.href + ' ' + document.body.innerText.slice(0, 600)")}\n${complaints.join("\n")}`);
                    await new Promise((done) => setTimeout(done, 30));
                }
            };
            return { send: tab, evaluate, until, complaints };
        },
        async stop() {
            await send("Browser.close").catch(() => {});
            await new Promise((done) => { child.once("exit", done); setTimeout(() => { child.kill("SIGKILL"); done(); }, 3000); });
            rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
        },
    };
}

async function started(names, profile) {
    for (const name of names) {
        const child = spawn(name, [`--user-data-dir=${profile}`, ...FLAGS], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
        const failed = await new Promise((done) => { child.once("error", () => done(true)); child.once("spawn", () => done(false)); });
        if (!failed) return child;
    }
    throw new Error("no Chromium here: scripts/ensure.sh browser");
}
