// Draws the OpenAPI document. All text goes in as text, never as markup.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Marks `code` in a description; the rest stays text.
function prose(text) {
  const parts = (text ?? "").split("`");
  return element("p", {}, ...parts.map((part, i) => (i % 2 ? element("code", {}, part) : part)));
}

function nameOf(reference) {
  return reference.split("/").at(-1);
}

function typeOf(schema) {
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return element("a", { href: `#shape-${name}` }, name);
  }
  if (schema.anyOf) {
    return element("span", {}, ...schema.anyOf.flatMap((s, i) => (i ? [" or ", typeOf(s)] : [typeOf(s)])));
  }
  if (schema.enum) return document.createTextNode(schema.enum.join(" | "));
  if (schema.const !== undefined) return document.createTextNode(String(schema.const));
  if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items ?? {}));
  if (schema.additionalProperties instanceof Object) {
    return element("span", {}, "map to ", typeOf(schema.additionalProperties));
  }
  return document.createTextNode(schema.format ?? schema.type ?? "any");
}

function boundsOf(schema) {
  const plain = schema.anyOf?.find((s) => s.type !== "null") ?? schema;
  const words = [];
  if (schema.default !== undefined && schema.default !== null) {
    words.push(`default ${JSON.stringify(schema.default)}`);
  }
  if (plain.minimum !== undefined) words.push(`at least ${plain.minimum}`);
  if (plain.maximum !== undefined) words.push(`at most ${plain.maximum}`);
  if (plain.maxLength !== undefined) words.push(`at most ${plain.maxLength} characters`);
  if (plain.maxItems !== undefined) words.push(`at most ${plain.maxItems} items`);
  if (plain.pattern !== undefined) words.push(`matches ${plain.pattern}`);
  return words.join("; ");
}

function table(heads, rows) {
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((h) => element("th", {}, h)))),
    element("tbody", {}, ...rows.map((row) =>
      element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
}

function fieldRows(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, field]) => [
    element("code", {}, name + (required.has(name) ? "" : "?")),
    typeOf(field),
    [field.description, boundsOf(field)].filter(Boolean).join(" — "),
  ]);
}

function parametersTable(parameters) {
  return table(["Parameter", "Type", "Meaning"], parameters.map((p) => [
    element("code", {}, p.name + (p.required ? "" : "?")),
    typeOf(p.schema),
    [p.in === "path" ? "part of the address" : p.description, boundsOf(p.schema)]
      .filter(Boolean).join(" — "),
  ]));
}

function contentList(content) {
  return element("ul", {}, ...Object.entries(content).map(([media, { schema }]) =>
    element("li", {}, element("code", {}, media), ": ", typeOf(schema))));
}

function describe(path, method, operation) {
  const inside = element("div", { class: "inside" }, prose(operation.description));
  if (operation.parameters) {
    inside.append(element("h3", {}, "Parameters"), parametersTable(operation.parameters));
  }
  if (operation.requestBody) {
    inside.append(element("h3", {}, "Body"), contentList(operation.requestBody.content));
  }
  inside.append(element("h3", {}, "Answers"), table(["Status", "Meaning", "Content"],
    Object.entries(operation.responses).map(([status, answer]) => [
      status, answer.description, answer.content ? contentList(answer.content) : "none",
    ])));
  inside.append(tryOut(path, method, operation));
  return element("details", { class: "operation", id: `op-${operation.operationId}` },
    element("summary", {},
      element("span", { class: "scope" }, operation["x-scope"] ?? "open"),
      element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("span", { class: "path" }, path), " — ", operation.summary),
    inside);
}

function input(parameter) {
  const label = element("label", {}, `${parameter.name} `);
  const field = element("input", { name: parameter.name, autocomplete: "off" });
  field.dataset.place = parameter.in;
  label.append(field);
  return element("p", {}, label);
}

function tryOut(path, method, operation) {
  const form = element("form", {}, element("h3", {}, "Try it"));
  for (const parameter of operation.parameters ?? []) form.append(input(parameter));
  const media = Object.keys(operation.requestBody?.content ?? {});
  const takesFile = media.includes("multipart/form-data");
  if (takesFile) {
    const many = media.length === 1 ? { multiple: "" } : {};
    form.append(element("p", {}, element("label", {}, "image ",
      element("input", { type: "file", name: "image", accept: "image/*", ...many }))));
  } else if (media.includes("application/json")) {
    form.append(element("p", {}, element("label", {}, "JSON body",
      element("textarea", { name: "body", spellcheck: "false" }, "{}"))));
  }
  const answer = element("div", { "aria-live": "polite" });
  form.append(element("button", { type: "submit" }, "Send"), answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    answer.replaceChildren("Waiting…");
    try {
      await send(form, path, method, answer);
    } catch (error) {
      answer.replaceChildren(`No answer: ${error.message}`);
    }
  });
  return form;
}

async function send(form, path, method, answer) {
  const query = new URLSearchParams();
  let address = path;
  for (const field of form.querySelectorAll("input[data-place]")) {
    if (field.dataset.place === "path") {
      address = address.replace(`{${field.name}}`, encodeURIComponent(field.value));
    } else if (field.value) query.set(field.name, field.value);
  }
  if (query.size) address += `?${query}`;
  const headers = {};
  if (byId("token").value) headers.Authorization = `Bearer ${byId("token").value.trim()}`;
  let body;
  const file = form.querySelector("input[type=file]");
  const text = form.querySelector("textarea");
  if (file) {
    body = new FormData();
    for (const picture of file.files) body.append("image", picture, picture.name);
  } else if (text) {
    headers["Content-Type"] = "application/json";
    body = text.value;
  }
  const response = await fetch(address, {
    method: method.toUpperCase(), headers, body, credentials: "omit",
  });
  await show(response, answer);
}

async function show(response, answer) {
  const kind = response.headers.get("Content-Type") ?? "";
  const status = element("p", {}, `${response.status} ${response.statusText}`);
  if (kind.startsWith("image/")) {
    const picture = element("img", { alt: "The answer", src: URL.createObjectURL(await response.blob()) });
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
    answer.replaceChildren(status, picture);
    return;
  }
  let text = await response.text();
  if (kind.includes("json") && text) text = JSON.stringify(JSON.parse(text), null, 2);
  answer.replaceChildren(status, element("pre", {}, text || "No content."));
}

function open(id) {
  const target = id && byId(id);
  if (target instanceof HTMLDetailsElement) target.open = true;
  target?.scrollIntoView();
}

async function draw() {
  const response = await fetch("/api/v1/openapi.json", { credentials: "omit" });
  const api = await response.json();
  byId("about").replaceChildren(...prose(api.info.description).childNodes);
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      byId("operations").append(describe(path, method, operation));
      byId("contents").append(element("a", { href: `#op-${operation.operationId}` },
        element("span", { class: `method ${method}` }, method.toUpperCase()), operation.summary));
    }
  }
  byId("contents").append(element("a", { href: "#problems" }, "Problem codes"),
    element("a", { href: "#shapes" }, "Shapes"));
  for (const [code, { status, meaning }] of Object.entries(api["x-problem-codes"])) {
    byId("codes").append(element("tr", { id: code },
      element("td", {}, element("code", {}, code)), element("td", {}, String(status)),
      element("td", {}, meaning)));
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const inside = element("div", { class: "inside" }, prose(schema.description));
    inside.append(schema.properties
      ? table(["Field", "Type", "Meaning"], fieldRows(schema)) : element("p", {}, typeOf(schema)));
    byId("schemas").append(element("details", { class: "shape", id: `shape-${name}` },
      element("summary", {}, element("code", {}, name)), inside));
  }
  open(location.hash.slice(1));
}

window.addEventListener("hashchange", () => open(location.hash.slice(1)));
draw().catch((error) => byId("about").replaceChildren(`The document could not be read: ${error.message}`));
