// The viewer of the interface: shows the document of /openapi.json.
//
// It builds the page only from elements and texts, never from HTML, so no text of the document can become a part of the page's
// structure. It sends no requests except for the document.

const METHODS = ["get", "post", "put", "patch", "delete"];
// A schema may contain itself.
const DEEPEST = 6;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

function resolve(root, value) {
  if (!value || typeof value.$ref !== "string") return value ?? {};
  return value.$ref.slice(2).split("/").reduce((found, key) => found?.[key], root) ?? {};
}

function nameOf(schema) {
  return schema?.$ref?.split("/").pop();
}

function typeOf(root, schema) {
  const name = nameOf(schema);
  const plain = resolve(root, schema);
  if (plain.const !== undefined) return JSON.stringify(plain.const);
  if (plain.enum) return plain.enum.map((word) => JSON.stringify(word)).join(" | ");
  const type = [plain.type ?? []].flat().join(" or ");
  if (plain.type === "array") return `list of ${typeOf(root, plain.items ?? {})}`;
  const limits = ["minimum", "maximum", "minLength", "maxLength"].filter((key) => plain[key] !== undefined);
  const bounds = limits.map((key) => `${key} ${plain[key]}`).join(", ");
  return [name ?? (type || "any value"), plain.format, bounds].filter(Boolean).join(", ");
}

function fields(root, schema, depth = 0) {
  const plain = resolve(root, schema);
  if (depth > DEEPEST) return element("p", { class: "faint" }, "…");
  for (const [key, words] of [["allOf", "all of"], ["oneOf", "one of"], ["anyOf", "any of"]]) {
    const parts = plain[key];
    if (!parts) continue;
    const shown = parts.map((part) =>
      element("li", {}, element("code", {}, typeOf(root, part)), describe(root, part), fields(root, part, depth + 1)));
    return element("div", {}, element("p", { class: "faint" }, words), element("ul", { class: "fields" }, ...shown));
  }
  if (plain.type === "array" || plain.items) return fields(root, plain.items, depth + 1);
  const properties = Object.entries(plain.properties ?? {});
  if (properties.length === 0) return undefined;
  const required = new Set(plain.required ?? []);
  const shown = properties.map(([name, value]) => element("li", {},
    element("code", {}, name), `${required.has(name) ? "" : " (optional)"}: `,
    element("code", {}, typeOf(root, value)), describe(root, value), fields(root, value, depth + 1)));
  return element("ul", { class: "fields" }, ...shown);
}

function describe(root, schema) {
  const text = schema?.description ?? resolve(root, schema).description;
  return text ? element("span", { class: "faint" }, ` — ${text}`) : undefined;
}

function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell ?? "")));
}

function parametersOf(root, operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(root, parameter));
  if (parameters.length === 0) return undefined;
  const head = element("tr", {}, ...["in", "name", "type", "meaning"].map((word) => element("th", { scope: "col" }, word)));
  const rows = parameters.map((parameter) => row(parameter.in,
    element("code", {}, `${parameter.name}${parameter.required ? "" : "?"}`),
    element("code", {}, typeOf(root, parameter.schema ?? {})), parameter.description));
  return element("div", {}, element("h3", {}, "Parameters"), element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function contentOf(root, content) {
  return Object.entries(content ?? {}).map(([media, { schema }]) =>
    element("div", {}, element("p", {}, element("code", {}, media), " ", element("code", {}, typeOf(root, schema ?? {}))), fields(root, schema)));
}

// The codes of the problems of an answer, with their meanings.
function codesOf(root, answer) {
  const schema = answer.content?.["application/problem+json"]?.schema;
  const codes = schema?.allOf?.flatMap((part) => part.properties?.code?.enum ?? []) ?? [];
  const known = root.components.schemas.ProblemCode?.oneOf ?? [];
  return codes.map((code) => [code, known.find((one) => one.const === code)?.description ?? ""]);
}

function answerOf(root, status, answer) {
  const codes = codesOf(root, answer);
  const headers = Object.keys(answer.headers ?? {}).join(", ");
  const content = Object.fromEntries(Object.entries(answer.content ?? {}).filter(([media]) => media !== "application/problem+json"));
  return element("div", {},
    element("h4", {}, `${status} ${answer.description}`),
    headers && element("p", { class: "faint" }, `Headers: ${headers}`),
    codes.length > 0 ? element("table", {}, element("tbody", {}, ...codes.map(([code, meaning]) => row(element("code", {}, code), meaning)))) : undefined,
    ...contentOf(root, content));
}

function securityOf(operation) {
  const ways = (operation.security ?? []).map((way) => Object.keys(way).join(" and ") || "none");
  return element("p", {}, `Credential: ${ways.length > 0 ? ways.join("; or ") : "none"}`);
}

function fill(root, operation) {
  const body = operation.requestBody;
  return [
    operation.description && element("p", {}, operation.description),
    securityOf(operation),
    parametersOf(root, operation),
    body && element("h3", {}, body.required ? "Body" : "Body (optional)"),
    ...contentOf(root, body?.content),
    element("h3", {}, "Answers"),
    ...Object.entries(operation.responses ?? {}).map(([status, answer]) => answerOf(root, status, resolve(root, answer))),
  ];
}

// The content of an operation is made when it is first opened: all of them together are many elements.
function show(root, path, method, operation) {
  const shown = element("details", { id: operation.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()),
      element("span", { class: "path" }, path), ` ${operation.summary ?? ""}`));
  if (operation.deprecated) shown.classList.add("deprecated");
  let filled = false;
  shown.addEventListener("toggle", () => {
    if (filled || !shown.open) return;
    filled = true;
    shown.append(...fill(root, operation).filter(Boolean));
  });
  const answers = Object.values(operation.responses ?? {}).map((answer) => resolve(root, answer));
  const codes = answers.flatMap((answer) => codesOf(root, answer).map(([code]) => code));
  return { shown, words: [method, path, operation.summary, operation.operationId, ...codes].join(" ").toLowerCase() };
}

function render(root) {
  const sections = new Map((root.tags ?? []).map((tag) => [tag.name, { about: tag.description, operations: [] }]));
  for (const [path, item] of Object.entries(root.paths ?? {})) {
    for (const method of METHODS.filter((method) => item[method])) {
      const operation = item[method];
      sections.get(operation.tags?.[0])?.operations.push(show(root, path, method, operation));
    }
  }
  const links = [];
  const parts = [];
  for (const [name, { about, operations }] of sections) {
    const id = `section-${name.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
    links.push(element("li", {}, element("a", { href: `#${id}` }, name)));
    parts.push({ operations, shown: element("section", { id }, element("h2", {}, name), element("p", {}, about ?? ""), ...operations.map((one) => one.shown)) });
  }
  document.getElementById("sections").append(element("ul", {}, ...links));
  document.getElementById("operations").append(...parts.map((part) => part.shown));
  return parts;
}

function watchFilter(parts) {
  const filter = document.getElementById("filter");
  filter.disabled = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { operations, shown } of parts) {
      for (const one of operations) one.shown.hidden = !wanted.every((word) => one.words.includes(word));
      shown.hidden = operations.every((one) => one.shown.hidden);
    }
  });
}

// An address such as /docs#listDevices opens that operation.
function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

const state = document.getElementById("state");
try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const root = await answer.json();
  const parts = render(root);
  watchFilter(parts);
  const count = parts.reduce((sum, part) => sum + part.operations.length, 0);
  state.textContent = `Version ${root.info.version}, OpenAPI ${root.openapi}, ${count} operations. `;
  state.append(element("a", { href: "/openapi.json" }, "The description as JSON"));
  openNamed();
  addEventListener("hashchange", openNamed);
} catch (error) {
  state.textContent = `The description cannot be shown: ${error.message}`;
}
