"use strict";
// The budgets of the page; el, money, exact and count are page.js's, which asks and calls showBudgets.

const MOST_BUDGETS = 12;
const DAY = 86400000;

function showBudgets({ at, budgets, unbudgeted }) {
  $("budgets-section").hidden = !budgets.length;
  if (!budgets.length) return;
  const fullest = [...budgets].sort((one, other) => other.spent_percent - one.spent_percent);
  $("budgets").replaceChildren(...fullest.slice(0, MOST_BUDGETS).map((budget) => budgetItem(budget, Date.parse(at))));
  $("budgets-foot").textContent = [
    "○ where the period ends at this rate",
    Number(unbudgeted.spent) !== 0 && `${money(unbudgeted.spent, "USD")} of this month (UTC) in no budget`,
    budgets.length > MOST_BUDGETS && `${count(budgets.length - MOST_BUDGETS)} more at /api/budgets`,
  ].filter(Boolean).join(" · ");
}

function budgetItem(budget, at) {
  const [kind, words] = outlook(budget);
  const scope = Object.values(budget.scope).join(", ") || "everything";
  const scopeTitle = Object.entries(budget.scope).map(([name, value]) => `${name} ${value}`).join(", ");
  const passed = budget.thresholds.filter((level) => level.reached).at(-1);
  const over = Number(budget.left) < 0;
  const remaining = `${budget.period} ends in ${howLong(Date.parse(budget.end) - at)}`;
  return el("li", { class: kind },
    el("p", { class: "what" }, el("span", { class: "key-name", title: scopeTitle }, el("b", {}, budget.id), el("small", {}, scope)),
      el("span", { class: "number level" }, passed && passed.percent < budget.spent_percent && !over ? el("small", {}, `past ${passed.percent} %`) : "", el("b", {}, `${count(budget.spent_percent)} %`))),
    gauge(budget, words),
    el("p", { class: "what" }, el("span", { title: `${exact(budget.spent, "USD")} of ${exact(budget.amount, "USD")}` }, `${money(budget.spent, "USD")} of ${money(budget.amount, "USD")}`), el("span", { class: "outlook" }, words)),
    el("p", { class: "whose" }, [budget.owner, remaining, budget.unpriced && `${count(budget.unpriced)} unpriced`].filter(Boolean).join(" · ")),
  );
}

function outlook(budget) {
  if (Number(budget.left) < 0) return ["bad", `over by ${money(budget.left.replace("-", ""), "USD")}`];
  if (Number(budget.left) === 0) return ["bad", "all spent"];
  if (Number(budget.spent) === 0) return ["", "nothing spent"];
  if (budget.projected === null) return ["", "too early to project"];
  if (Number(budget.projected) <= Number(budget.amount)) return ["", `heading for ${money(budget.projected, "USD")}`];
  return ["warn", `heading for ${money(budget.projected, "USD")}, gone in ${howLong(budget.days_left * DAY)}`];
}

// The bar reaches to 125 %, or as far as money or thresholds go beyond; a projection beyond its end stands at the end.
function gauge(budget, words) {
  const percent = (text) => (100 * Number(text)) / Number(budget.amount);
  const spent = percent(budget.spent);
  const scale = Math.max(125, spent, budget.thresholds.at(-1).percent);
  const at = (level) => `${(100 * Math.min(level, scale)) / scale}%`;
  const levels = budget.thresholds.map((level) => `${level.percent} %${level.reached ? " (reached)" : ""}`).join(", ");
  const said = `${count(budget.spent_percent)} % spent, ${words}; thresholds ${levels}`;
  return el("div", { class: "gauge", role: "meter", "aria-label": budget.id, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": Math.min(budget.spent_percent, 100), "aria-valuetext": said, title: said },
    el("div", { class: "allowed", width: at(100) }),
    el("div", { class: "spent", width: at(Math.min(spent, 100)) }),
    spent > 100 ? el("div", { class: "beyond", left: at(100), width: `${(100 * (spent - 100)) / scale}%` }) : "",
    ...budget.thresholds.map((level) => el("div", { class: level.reached ? "tick reached" : "tick", left: at(level.percent) })),
    el("div", { class: "limit", left: at(100) }),
    budget.projected === null || Number(budget.spent) === 0 ? "" : el("div", { class: "projected", left: at(percent(budget.projected)) }),
  );
}

// A length of time as a person would say it.
function howLong(ms) {
  const minutes = Math.max(ms, 0) / 60000;
  if (minutes < 90) return `${Math.round(minutes)} min`;
  if (minutes < 36 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} days`;
}
