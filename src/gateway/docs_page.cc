#include "gateway/pages.h"

namespace octolake::gateway {

std::string_view DocsPageHtml() {
  return R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>octolake API</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
  section { border: 1px solid #8886; border-radius: .4rem; padding: .25rem 1rem .75rem; margin: 1rem 0; }
  h2 { font: 600 1rem/2 ui-monospace, monospace; margin: 0; }
  td { padding: .1rem .75rem .1rem 0; vertical-align: top; } code { font-size: .9em; }
</style>
</head>
<body>
<h1>octolake API</h1>
<p>The same as a description for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<div id="paths"></div>
<script>
"use strict";
function add(parent, name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}
fetch("/openapi.json").then(answer => answer.json()).then(api => {
  const list = document.getElementById("paths");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const box = add(list, "section", "");
      add(box, "h2", method.toUpperCase() + " " + path);
      add(box, "p", operation.summary + (operation.description ? ". " + operation.description : ""));
      const table = add(box, "table", "");
      for (const [status, response] of Object.entries(operation.responses)) {
        const row = add(table, "tr", "");
        add(row, "td", status);
        add(row, "td", response.description ||
            api.components.responses[response.$ref.split("/").pop()].description);
      }
    }
  }
});
</script>
</body>
</html>
)page";
}

}  // namespace octolake::gateway
