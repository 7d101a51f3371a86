"use strict";
// Views of the reports that /api/reports lists: their names, their options and their tables. No report is known here by
// name. el, ask, range, count, exactMoney, exact and duration are page.js's, which calls showReports and openReport.

const LONGEST = 500;

function showReports(reports) {
  state.reports = new Map(reports.map((report) => [report.name, report]));
  $("reports").replaceChildren(...reports.map((report) => el("li", {}, el("a", { href: `#report/${report.name}` }, capital(report.name)), el("small", {}, report.question))));
  const { choices } = state.reports.get("spend").options.find((option) => option.name === "by");
  $("by").replaceChildren(...choices.map((name) => el("option", { value: name, selected: name === state.by }, name)));
}

// The part of the address behind "#report/" is the report's name and, behind "?", its options.
async function openReport(name, query) {
  const report = state.reports.get(name) || [...state.reports.values()].find((one) => one.command === name);
  if (!report) return openSheet(`There is no report ${name}`, `The reports are ${[...state.reports.keys()].join(", ")}.`);
  const asked = new URLSearchParams(query);
  const sent = new URLSearchParams(asked);
  const inRange = new URLSearchParams(range()).get("since");
  if (inRange && !asked.has("since") && report.options.some((option) => option.name === "since")) sent.set("since", inRange);
  let document;
  try {
    document = await ask(`/api/${report.name}?${sent}`);
  } catch (error) {
    return error instanceof Locked ? lock() : problem(error.message);
  }
  const rows = document[report.rows];
  const empty = document.hint ? `${capital(document.hint)}.` : sent.has("since") || sent.has("until") ? "Nothing in that time." : "Nothing to show.";
  const foot = rows.length > LONGEST ? `The first ${count(LONGEST)} of ${count(rows.length)}.` : rows.length ? "" : empty;
  openSheet(capital(report.name), report.question, reportForm(report, asked), reportTable(document.columns, rows, document.total), el("p", { class: "foot" }, foot));
}

function openSheet(heading, words, ...body) {
  $("sheet-heading").textContent = heading;
  $("sheet-id").textContent = words;
  $("sheet-body").replaceChildren(...body);
  $("sheet-id").className = "";
  $("sheet").classList.add("broad");
  if (!$("sheet").open) $("sheet").showModal();
}

function reportForm(report, asked) {
  const fields = report.options.map((option) => {
    const given = asked.get(option.name) || option.default || "";
    if (!option.choices.length) return el("label", { title: option.words }, option.name, el("input", { name: option.name, value: given, size: "12" }));
    const [first, second = ""] = given.split(",");
    const select = (chosen, names) => el("select", { name: option.name }, ...names.map((name) => el("option", { value: name, selected: name === chosen }, name || "–")));
    return el("label", { title: option.words }, option.name, select(first, option.choices), select(second, ["", ...option.choices]));
  });
  /** @type {any} */
  const form = el("form", { class: "options" }, ...fields, el("button", { type: "submit" }, "Ask"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    for (const { name } of report.options) {
      const value = [...new Set(new FormData(form).getAll(name).filter(Boolean))].join(",");
      if (value) wanted.set(name, value);
    }
    location.hash = `report/${report.name}?${wanted}`;
  });
  return form;
}

const NUMBERS = ["count", "number", "amount", "estimate", "cost", "of_currency", "percent", "duration_ns"];

function reportTable(columns, rows, total) {
  const cells = (row) => columns.map((column) => el("td", { class: NUMBERS.includes(column.kind) && "number" }, ...reportCell(column, row)));
  const heads = columns.map((column) => el("th", { scope: "col", class: NUMBERS.includes(column.kind) && "number" }, column.name.replaceAll("_", " ")));
  const sums = (column, place) => (place === 0 ? ["total"] : column.kind === "key" ? [] : reportCell(column, total));
  const foot = total && rows.length ? el("tfoot", {}, el("tr", {}, ...columns.map((column, place) => el("td", { class: NUMBERS.includes(column.kind) && "number" }, ...sums(column, place))))) : "";
  return el("div", { class: "scroll" }, el("table", { class: "report" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows.slice(0, LONGEST).map((row) => el("tr", {}, ...cells(row)))), foot));
}

function reportCell(column, row) {
  const value = (column.path || column.name).split(".").reduce((found, level) => (found === null || found === undefined ? null : found[level]), row);
  if (value === null || value === undefined) return [el("span", { class: "none" }, column.kind === "key" ? "(none)" : "–")];
  switch (column.kind) {
    case "count": return [count(value)];
    case "amount": return [exact(value, row.currency || "USD")];
    case "estimate": return [el("span", { title: exact(value, "USD") }, money(value, "USD"))];
    case "cost": return Object.entries(value).map(([currency, text]) => el("div", {}, exactMoney(text, currency)));
    case "of_currency": return Object.values(value).map((text) => el("div", {}, text));
    case "percent": return [`${count(value)} %`];
    case "scope": return [Object.values(value).join(", ") || "everything"];
    case "time_us": return [el("span", { title: new Date(value / 1000).toISOString() }, new Date(value / 1000).toLocaleString("en-GB"))];
    case "duration_ns": return [duration(value)];
    case "trace": return [el("a", { class: "mono", href: `#trace/${value}`, title: value }, value.slice(0, 8))];
    default: return [String(value)];
  }
}
