// The page `/forgot`.

import { html } from "../lib/html.js";
import { entry } from "../lib/entry.js";
import { startPage } from "../lib/page.js";

startPage({ title: document.title.split(" · ")[0], session: "unused", width: "full", draw: () => entry({ title: document.title, form: html`` }) });
