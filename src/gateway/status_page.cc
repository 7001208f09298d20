#include "gateway/pages.h"

namespace octolake::gateway {

std::string_view StatusPageHtml() {
  return R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>octolake</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
  dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; }
  dl div { border: 1px solid #8886; border-radius: .4rem; padding: .5rem .75rem; }
  dt { font-size: .8rem; opacity: .75; } dd { margin: 0; font-size: 1.25rem; }
  table { border-collapse: collapse; width: 100%; font-size: .85rem; }
  th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #8884; }
  .scroll { overflow-x: auto; } .bad { color: #c33; }
</style>
</head>
<body>
<h1>octolake</h1>
<p id="problem" class="bad" role="status"></p>
<form id="login" hidden>
  <label>Token <input id="token" type="password" autocomplete="off"></label> <button>Show</button>
</form>
<dl id="figures"></dl>
<h2>Latest Gold rows</h2>
<div class="scroll"><table id="gold"></table></div>
<p><a href="/docs">API</a> · <a href="/metrics">Metrics</a> · <a href="/health">Health</a></p>
<script>
"use strict";
const byId = id => document.getElementById(id);
let before = null;
const number = n => n.toLocaleString("en");
const size = n => n < 1e6 ? number(n) + " B" : (n / 1e6).toFixed(1) + " MB";
const ago = (now, ms) => ms > 0 ? Math.max(0, (now - ms) / 1000).toFixed(1) + " s ago" : "not yet";

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}
function showFigures(now) {
  const seconds = before ? (now.now_ms - before.now_ms) / 1000 : 0;
  const rate = seconds > 0 ? (now.received - before.received) / seconds : 0;
  const lake = now.lake, figures = [
    ["Events a second", rate.toFixed(1)],
    ["Events accepted", number(now.received)],
    ["Rejected", number(now.rejected)],
    ["Waiting for the disk", number(now.journal.waiting_records)],
    ["Journal", size(now.journal.bytes)],
    ["Connections", number(now.connections)],
  ];
  const bronze = lake.bronze;
  if (bronze) {
    figures.push(["Not in Bronze yet", number(bronze.lag_records)]);
    figures.push(["Last Bronze commit", ago(now.now_ms, bronze.last_commit_ms)]);
  }
  figures.push(["Last pipeline run", ago(now.now_ms, lake.pipeline.last_end_ms)]);
  figures.push(["A run takes", lake.pipeline.last_seconds.toFixed(2) + " s"]);
  figures.push(["Failed data tests", number(lake.pipeline.tests_failed)]);
  if (lake.recovery) {
    figures.push(["Recovered deliveries", number(lake.recovery.recovered)]);
    figures.push(["Lost deliveries", number(lake.recovery.lost)]);
  }
  for (const entry of lake.freshness) {
    const age = entry.age_seconds;
    figures.push(["Age of " + entry.source, age === undefined ? "empty" : number(age) + " s"]);
  }
  const list = byId("figures");
  list.replaceChildren();
  for (const [name, value] of figures) {
    const box = element("div", "", list);
    element("dt", name, box);
    element("dd", value, box);
  }
  byId("problem").textContent = (bronze && bronze.last_error) || lake.pipeline.last_error;
}
function showGold(gold) {
  const table = byId("gold");
  table.replaceChildren();
  if (!gold || gold.rows.length === 0) return element("caption", "none yet", table);
  const head = element("tr", "", table);
  for (const name of gold.columns) element("th", name, head);
  for (const row of gold.rows) {
    const line = element("tr", "", table);
    for (const cell of row) element("td", cell === null ? "" : String(cell), line);
  }
}
async function refresh() {
  const token = sessionStorage.getItem("token");
  try {
    const answer = await fetch("/api/v1/status",
                               token ? {headers: {Authorization: "Bearer " + token}} : {});
    byId("login").hidden = answer.status !== 401;
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const now = await answer.json();
    showFigures(now);
    showGold(now.lake.gold);
    before = now;
  } catch (error) {
    byId("problem").textContent = error.message;
  }
  setTimeout(refresh, 2000);
}
byId("login").addEventListener("submit", event => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
});
refresh();
</script>
</body>
</html>
)page";
}

}  // namespace octolake::gateway
