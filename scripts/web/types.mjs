// Prints the types of the interface, made of docs/openapi.json. Problem documents are left out: `lib/errors.js` has their form.
// Usage: node types.mjs <folder with node_modules> <openapi.json>
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [tools, description] = process.argv.slice(2);
const require = createRequire(`${tools}/package.json`);
const { default: openapiTS, astToString } = await import(pathToFileURL(require.resolve("openapi-typescript").replace(/\.cjs$/, ".mjs").replace("/cjs/", "/")));

const document = JSON.parse(await readFile(description, "utf8"));
for (const operations of Object.values(document.paths)) {
    for (const operation of Object.values(operations)) {
        for (const status of Object.keys(operation.responses ?? {})) {
            if (!status.startsWith("2")) delete operation.responses[status];
        }
        for (const response of Object.values(operation.responses ?? {})) delete response.headers;
    }
}
const text = astToString(await openapiTS(document))
    .split("\n")
    .filter((line) => !/^\s+(get|put|post|delete|options|head|patch|trace|query|header|path|cookie|requestBody)\?: never;$/.test(line))
    .join("\n")
    // The description has objects of any form; the generator takes them for empty ones.
    .replaceAll(" & Record<string, never>", "")
    .replaceAll("Record<string, never>", "Record<string, unknown>");
process.stdout.write(`// Generated from docs/openapi.json by \`make web-types\`; do not edit.\n\n${text}`);
