"use strict";
// Everything below writes text nodes: model names and users come from outside and are never parsed as HTML.

/** The element with the id, which index.html has. @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
const OPERATIONS = { generate_content: "generate", text_completion: "complete", embeddings: "embed" };
const SIGNS = { USD: "$", EUR: "€", GBP: "£" };
/** What the page shows now; `trace` is the answer of /api/trace while its dialog is open. @type {Record<string, any>} */
const state = { paused: false, by: "model", hours: "", revision: "", rows: new Map(), trace: null, reports: new Map(), timer: 0, started: false };

/**
 * A new element. `width` and `left` among its props are styles; children that are empty are left out.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children
 */
function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "width" || name === "left") node.style[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// ---- numbers -------------------------------------------------------------------------------------------------------

const capital = (word) => word[0].toUpperCase() + word.slice(1);
const count = (n) => Number(n).toLocaleString("en-US");

/**
 * An amount for people, from the ledger's decimal text, which is cut as text: a float would lose digits.
 * @param {string} text
 * @param {string} currency
 */
function money(text, currency) {
  const sign = SIGNS[currency] || `${currency} `;
  if (/^-?0(\.0*)?$/.test(text)) return `${sign}0`;
  const [whole, part = ""] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  if (whole.replace("-", "") !== "0") return `${sign}${roundUp(grouped, part, 2)}`;
  const zeros = part.length - part.replace(/^0*/, "").length;
  if (zeros > 5) return `<${sign}0.000001`;
  return `${sign}${roundUp(grouped, part, Math.max(zeros + (zeros > 3 ? 2 : 3), 2)).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

function roundUp(whole, part, digits) {
  const kept = part.padEnd(digits, "0").slice(0, digits);
  if ((part[digits] || "0") < "5") return `${whole}.${kept}`;
  const raised = (BigInt(whole.replace(/[-,]/g, "") + kept) + 1n).toString().padStart(digits + 1, "0");
  const cut = raised.length - digits;
  const minus = whole.startsWith("-") ? "-" : "";
  return `${minus}${raised.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ",")}.${raised.slice(cut)}`;
}

const exact = (text, currency) => `${SIGNS[currency] || `${currency} `}${text.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","))}`;

// The exact amount; the digits behind the cents are pale.
function exactMoney(text, currency) {
  const shown = exact(text, currency);
  const [significant] = shown.match(/^[^\d]*[\d,]*(?:\.0*\d{0,2})?/) || [shown];
  return el("span", { class: "cost" }, significant, significant.length < shown.length ? el("span", { class: "tail" }, shown.slice(significant.length)) : "");
}

function duration(ns) {
  if (ns === null || ns === undefined) return "–";
  const seconds = ns / 1e9;
  if (seconds >= 60) return `${Math.floor(seconds / 60)} m ${String(Math.round(seconds % 60)).padStart(2, "0")} s`;
  if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return ns >= 1e6 ? `${Math.round(ns / 1e6)} ms` : `${(ns / 1e6).toFixed(2)} ms`;
}

function clock(us) {
  const then = new Date(us / 1000);
  const time = then.toLocaleTimeString("en-GB");
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString("en-CA").slice(5)} ${time.slice(0, 5)}`;
}

// ---- asking --------------------------------------------------------------------------------------------------------

class Locked extends Error {}

async function ask(path) {
  const token = sessionStorage.getItem("genmeter-token");
  const answer = await fetch(path, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (answer.status === 401) throw new Locked();
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error || `the server answered ${answer.status}`);
  return document;
}

function range(first = "?") {
  if (!state.hours) return "";
  // whole minutes, so that the server may keep its answer between two polls
  const since = Math.floor(Date.now() / 60000) * 60000 - Number(state.hours) * 3600000;
  return `${first}since=${encodeURIComponent(new Date(since).toISOString())}`;
}

async function poll(force) {
  clearTimeout(state.timer);
  try {
    if (force || (!state.paused && !document.hidden)) await refresh(force);
    problem("");
  } catch (error) {
    if (error instanceof Locked) return lock();
    problem(error instanceof TypeError ? "The server cannot be reached. Trying again each second." : error.message);
  }
  state.timer = setTimeout(poll, 1000);
}

async function refresh(force) {
  if (!state.reports.size) showReports((await ask("/api/reports")).reports);
  const summary = await ask(`/api/summary${range()}`);
  // budgets go on without calls: a period ends, a projection sinks, the file changes
  const revision = JSON.stringify([summary, state.by, state.hours, Math.floor(Date.now() / 60000)]);
  if (!force && revision === state.revision) return;
  const [spend, gaps, calls, budgets] = await Promise.all([
    ask(`/api/spend?by=${state.by}${range("&")}`), ask(`/api/unpriced${range()}`), ask(`/api/calls?limit=100${range("&")}`), ask("/api/budgets"),
  ]);
  state.revision = revision;
  $("gate").hidden = true;
  $("controls").hidden = false;
  const nothing = !summary.counters.booked;
  $("empty").hidden = !nothing;
  $("full").hidden = nothing;
  $("empty-token").hidden = !sessionStorage.getItem("genmeter-token");
  $("place").textContent = summary.path === ":memory:" ? "in memory" : summary.path;
  showTotals(summary);
  showBudgets(budgets);
  showCalls(calls.calls, summary);
  showSpend(spend.rows);
  showGaps(gaps.rows);
  state.started = true;
}

function problem(text) {
  $("notice").hidden = !text;
  if ($("notice").textContent !== text) $("notice").textContent = text;
  $("pause").classList.toggle("lost", Boolean(text));
}

function lock() {
  const tried = sessionStorage.getItem("genmeter-token");
  sessionStorage.removeItem("genmeter-token");
  for (const id of ["empty", "full", "notice", "controls"]) $(id).hidden = true;
  $("gate").hidden = false;
  $("gate-error").textContent = tried ? "That is not the token." : "";
  $("token").focus();
}

// ---- showing -------------------------------------------------------------------------------------------------------

function figure(kind, label, value, title) {
  return el("div", { class: kind }, el("dt", {}, label), el("dd", { title }, value));
}

function showTotals(summary) {
  const { USD = "0.00", ...others } = summary.cost;
  const beside = Object.entries(others).map(([currency, text]) => money(text, currency)).join(" + ");
  const { input = 0, output = 0, cache_read = 0 } = summary.tokens;
  const cached = cache_read && input ? `, ${Math.round((100 * cache_read) / input)} % of input from cache` : "";
  $("totals").replaceChildren(
    figure("lead", beside ? `Cost, and ${beside}` : "Cost", money(USD, "USD"), exact(USD, "USD")),
    figure("", "Calls", count(summary.calls)),
    figure(summary.errors ? "bad" : "", "Errors", count(summary.errors)),
    figure(summary.unpriced ? "warn" : "", "Unpriced", count(summary.unpriced)),
    figure("wide", `Tokens${cached}`, count(input + output)),
  );
  const { suspected = 0, doubles = 0, conflicts = 0, late = 0, trimmed_calls = 0 } = summary.counters;
  const kept = [
    suspected && `${count(suspected)} suspected ${suspected === 1 ? "duplicate" : "duplicates"}`,
    doubles && `${count(doubles)} that another instrumentation has recorded too`,
    conflicts && `${count(conflicts)} in conflict with what was booked`, late && `${count(late)} too late`,
  ].filter(Boolean);
  const lines = [kept.length && `Kept out of all sums: ${kept.join(", ")}.`, trimmed_calls && `${count(trimmed_calls)} older calls are kept as daily sums.`].filter(Boolean);
  $("kept-out").hidden = !lines.length;
  const list = kept.length ? el("a", { href: "#report/calls?aside=yes" }, "List them") : "";
  $("kept-out").replaceChildren(lines.join(" "), list && " ", list);
}

function statusOf(call) {
  if (call.error_type) return ["bad", call.error_type];
  if (call.cost_status === "unpriced") return ["warn", "unpriced"];
  if (call.cut) return ["warn", call.cut];
  if (call.cost_status === "partial") return ["warn", "partial"];
  return ["", "ok"];
}

function showCalls(calls, summary) {
  const body = $("calls").tBodies[0];
  const rows = calls.map((call) => {
    const key = `${call.trace_id}/${call.span_id}`;
    const seen = JSON.stringify(call);
    const old = state.rows.get(key);
    if (old && old.dataset.seen === seen) return old;
    const row = callRow(call, key, seen);
    if (state.started && !old) row.classList.add("fresh");
    return row;
  });
  state.rows = new Map(rows.map((row) => [row.dataset.key, row]));
  // rows that stay are not touched, so focus and selection survive
  rows.forEach((row, place) => { if (body.children[place] !== row) body.insertBefore(row, body.children[place] || null); });
  while (body.children.length > rows.length) body.lastChild.remove();
  $("calls-foot").textContent = rows.length < summary.calls ? `The newest ${count(rows.length)} of ${count(summary.calls)}.` : "";
}

function callRow(call, key, seen) {
  const [kind, word] = statusOf(call);
  const { input, output, cache_read } = call.usage;
  const row = el("tr", {},
    el("td", { class: "time", title: new Date(call.started_us / 1000).toISOString() }, clock(call.started_us)),
    el("td", { title: `${call.model || ""}, ${call.provider}` }, el("div", { class: "model" }, el("button", { type: "button" }, call.model || call.operation), el("span", { class: "sub" }, OPERATIONS[call.operation] || call.operation))),
    el("td", { class: "wide", title: call.application }, call.application || call.service || el("span", { class: "none" }, "none")),
    el("td", { class: "number wide" }, input === undefined ? el("span", { class: "none" }, "–") : count(input)),
    el("td", { class: "number wide cached" }, cache_read ? count(cache_read) : ""),
    el("td", { class: "number wide" }, output === undefined ? el("span", { class: "none" }, "–") : count(output)),
    el("td", { class: "number" }, call.cost === null ? el("span", { class: "none" }, "–") : el("span", { class: "cost", title: exact(call.cost, call.currency) }, money(call.cost, call.currency))),
    el("td", { class: "number wide" }, duration(call.duration_ns)),
    el("td", { class: `status ${kind}`, title: word }, word),
  );
  row.dataset.key = key;
  row.dataset.seen = seen;
  return row;
}

function showSpend(rows) {
  const most = Math.max(...rows.map((row) => Number(row.cost.USD || 0)), 0);
  $("spend-rows").replaceChildren(...rows.slice(0, 30).map((row) => {
    const share = most ? (100 * Number(row.cost.USD || 0)) / most : 0;
    const amounts = Object.entries(row.cost);
    return el("tr", {},
      el("td", { class: "key", title: row.key }, el("div", { class: "key-name" }, row.key === null ? el("span", { class: "none" }, "(none)") : row.key),
        el("div", { class: "track" }, share ? el("div", { class: "bar", width: `${share}%` }) : "")),
      el("td", { class: "number" }, ...(amounts.length ? amounts.map(([currency, text]) => el("div", {}, exactMoney(text, currency))) : [el("span", { class: "none" }, row.unpriced ? "unpriced" : row.errors && row.errors === row.calls ? "failed" : "no cost")]),
        el("div", { class: "calls-count" }, `${count(row.calls)} ${row.calls === 1 ? "call" : "calls"}${amounts.length && row.unpriced ? `, ${count(row.unpriced)} unpriced` : ""}`)),
    );
  }));
}

function showGaps(gaps) {
  $("unpriced-section").hidden = !gaps.length;
  const reasons = new Map();
  for (const gap of gaps.slice(0, 50)) reasons.set(gap.reason, [...(reasons.get(gap.reason) || []), gap]);
  $("unpriced").replaceChildren(...[...reasons].map(([reason, members]) => el("li", {},
    el("p", { class: "why" }, members[0].words || reason),
    el("p", { class: "remedy" }, members[0].remedy),
    el("ul", { class: "models" }, ...members.map((gap) => el("li", {},
      el("div", { class: "what" }, el("div", { class: "key-name", title: gap.model }, gap.model || "(no model)", el("small", {}, gap.provider)),
        el("span", { class: "number none" }, `${count(gap.calls)} ${gap.calls === 1 ? "call" : "calls"}`)),
      gap.detail && el("div", { class: "remedy" }, gap.detail)))),
  )));
}

// ---- one trace -----------------------------------------------------------------------------------------------------

async function openTrace(traceId, spanId) {
  let trace;
  try {
    trace = await ask(`/api/trace/${encodeURIComponent(traceId)}`);
  } catch (error) {
    return error instanceof Locked ? lock() : problem(error.message);
  }
  state.trace = trace;
  showTrace(spanId || (trace.spans.find((span) => span.call) || trace.spans[0]).span_id);
  if (!$("sheet").open) $("sheet").showModal();
}

function showTrace(spanId) {
  const { spans, trace_id } = state.trace;
  const chosen = spans.find((span) => span.span_id === spanId) || spans[0];
  const start = Math.min(...spans.map((span) => span.started_us));
  const end = Math.max(...spans.map((span) => span.started_us + span.duration_ns / 1000));
  const rows = spans.map((span) => treeRow(span, chosen, start, Math.max(end - start, 1)));
  $("sheet-heading").textContent = chosen.name;
  $("sheet-id").textContent = `trace ${trace_id}`;
  const head = el("thead", { class: "unseen" }, el("tr", {}, ...["Span", "When", "Duration", "Cost"].map((word) => el("th", { scope: "col" }, word))));
  $("sheet-id").className = "mono";
  $("sheet").classList.remove("broad");
  $("sheet-body").replaceChildren(el("table", { class: "tree", "aria-label": "Spans of the trace" }, el("colgroup", {}, el("col", { class: "t-name" }), el("col", { class: "t-lane" }), el("col"), el("col")), head, el("tbody", {}, ...rows)), detail(chosen));
}

function treeRow(span, chosen, start, length) {
  const left = (100 * (span.started_us - start)) / length;
  const width = Math.min((span.duration_ns / 10) / length, 100 - left);
  const kind = span.failed ? "is-bad" : span.call ? "is-call" : "";
  const button = el("button", { type: "button", title: span.name, "aria-current": span === chosen && "true" }, span.name);
  button.addEventListener("click", () => {
    showTrace(span.span_id);
    $("sheet").querySelector('[aria-current="true"]').focus();
  });
  const indent = el("span", { class: "indent", width: `${Math.min(span.depth, 12) * 14}px` });
  const cost = span.call && span.call.cost !== null ? money(span.call.cost, span.call.currency) : "";
  return el("tr", { class: span.failed && "failed", "aria-selected": span === chosen && "true" },
    el("td", { class: "name" }, indent, button),
    el("td", { class: "lane" }, el("div", { class: kind, left: `${left}%`, width: `${width}%` })),
    el("td", { class: "number" }, duration(span.duration_ns)), el("td", { class: "number" }, cost));
}

function facts(title, pairs, kind) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!known.length) return "";
  const items = known.flatMap(([name, value, style]) => [el("dt", { class: style === "mono" ? "" : style }, name), el("dd", { class: style }, value)]);
  return el("section", { class: kind }, el("h3", {}, title), el("dl", {}, ...items));
}

function detail(span) {
  const { call } = span;
  const failure = [call && call.error_type, span.message].filter(Boolean).join(": ");
  const box = el("div", { class: "detail" }, failure && el("p", { class: "error" }, failure));
  box.append(el("div", { class: "facts" }, ...(call ? callFacts(call) : []), facts(call ? "All attributes" : "Attributes",
    Object.entries(span.attributes).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]), "whole")));
  return box;
}

function callFacts(call) {
  const part = (unit) => [UNITS[unit], call.usage[unit] === undefined ? "" : count(call.usage[unit]), "part"];
  const tokens = [
    ["Input", call.usage.input === undefined ? "" : count(call.usage.input)], ...INPUT_PARTS.map(part),
    ["Output", call.usage.output === undefined ? "" : count(call.usage.output)], ...OUTPUT_PARTS.map(part),
    ...OTHER_UNITS.map((unit) => [UNITS[unit], call.usage[unit] === undefined ? "" : count(call.usage[unit])]),
  ];
  const lines = Object.entries(call.lines).map(([kind, text]) => [LINES[kind] || capital(kind.replaceAll("_", " ")), exact(text, call.currency)]);
  const cost = call.cost === null ? [["Status", call.cost_status], ["Reason", call.cost_words], ["Detail", call.cost_detail]]
    : [...lines, [call.cost_status === "partial" ? "Total so far" : "Total", exact(call.cost, call.currency), "sum"]];
  // The conventions say "error" for an answer without an end; a stream that the app closed is no error.
  const finish = call.finish_reasons.filter((reason) => reason !== "error" || call.error_type || !call.cut);
  const stated = { provider: "the provider's own charge", local: "the price catalogue" };
  return [
    facts("Tokens", tokens),
    facts("Cost", [...cost, ["Priced by", stated[call.cost_source] || call.cost_source], ["Catalogue", call.cost_catalogue], ["Row", call.cost_entry]]),
    facts("Who pays", [["Department", call.department], ["Application", call.application], ["User", call.user_hash, "mono"], ["Session", call.session], ["Environment", call.environment], ["Service", call.service]]),
    facts("Answer", [["Provider", call.provider], ["Asked for", call.request_model], ["Answered by", call.response_model], ["Finish", finish.join(", ")],
      ["First chunk", call.first_chunk_ns === null ? "" : duration(call.first_chunk_ns)], ["Stream", call.cut], ["Tier", call.service_tier], ["Region", call.region], ["Response", call.response_id, "mono"]]),
  ];
}

// ---- hands ---------------------------------------------------------------------------------------------------------

$("calls").tBodies[0].addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row) location.hash = `trace/${row.dataset.key}`;
});
$("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  $("pause-label").textContent = state.paused ? "Paused" : "Live";
  if (!state.paused) poll();
});
$("range").addEventListener("change", (event) => { state.hours = event.target.value; poll(true); });
$("by").addEventListener("change", (event) => {
  state.by = event.target.value;
  $("spend-key").textContent = capital(state.by);
  poll(true);
});
$("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("genmeter-token", $("token").value);
  $("token").value = "";
  poll(true).then(readHash);
});
$("close").addEventListener("click", () => $("sheet").close());
$("sheet").addEventListener("click", (event) => { if (event.target === $("sheet")) $("sheet").close(); });
$("sheet").addEventListener("close", () => { if (/^#(trace|report)\//.test(location.hash)) history.replaceState(null, "", location.pathname); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && $("gate").hidden) poll(); });
window.addEventListener("hashchange", readHash);

function readHash() {
  const [what, name, spanId] = location.hash.slice(1).split("/");
  if (what === "trace" && name) openTrace(name, spanId);
  if (what === "report" && name) openReport(...name.split("?"));
}

const given = location.hash.match(/^#token=(.+)$/);
if (given) {
  sessionStorage.setItem("genmeter-token", decodeURIComponent(given[1]));
  history.replaceState(null, "", location.pathname);
}
for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;
poll(true).then(readHash);
