"use strict";
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = Object.fromEntries(data.fields.map((name, number) => [name, number]));
  const get = (row, name) => row[place[name]];
  const find = (id) => document.getElementById(id);
  const texts = data.rows.map((row) => [...row, data.policies[get(row, "policy")]].join("\n").toLowerCase());
  const filters = { outcome: "", command: "", caller: "", wp: "" };
  const REFUSED = "refused", ANSWERED = "answered";
  let words = [], shown = [], page = 0, timer = 0;

  const make = (tag, options = {}, ...children) => {
    const { class: name, ...attributes } = options;
    const made = document.createElement(tag);
    if (name) made.className = name;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // Returns the text with the words of the search marked.
  const marked = (text) => {
    const low = text.toLowerCase();
    // Lower case can have another length: then nothing is marked.
    if (!words.length || low.length !== text.length) return [text];
    const parts = [];
    let at = 0;
    while (at < text.length) {
      let next = -1, length = 0;
      for (const word of words) {
        const found = low.indexOf(word, at);
        if (found >= 0 && (next < 0 || found < next)) [next, length] = [found, word.length];
      }
      if (next < 0) break;
      parts.push(text.slice(at, next), make("mark", {}, text.slice(next, next + length)));
      at = next + length;
    }
    return [...parts, text.slice(at)];
  };

  const duration = (ms) => {
    if (ms === null) return "";
    if (ms < 1000) return `${Number(ms.toPrecision(3))} ms`;
    return ms < 60000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number((ms / 60000).toPrecision(3))} min`;
  };

  const outcome = (row) => {
    const code = get(row, "code");
    if (code !== null) return code;
    const [from, to] = [get(row, "from_lane"), get(row, "to_lane")];
    return from ? `${from} \u2192 ${to}`.replaceAll("_", " ") : "answered";
  };

  const matches = (row, number) => {
    const code = get(row, "code");
    if (filters.outcome === REFUSED ? code === null : filters.outcome === ANSWERED ? code !== null
      : filters.outcome && code !== filters.outcome) return false;
    for (const name of ["command", "caller", "wp"]) {
      if (filters[name] && get(row, name) !== filters[name]) return false;
    }
    return words.every((word) => texts[number].includes(word));
  };

  const cell = (label, name, text, look = "") => {
    const made = make("td", { role: "cell", "data-label": label, class: name });
    if (text) made.append(make("bdi", { class: look }, ...marked(text)));
    return made;
  };

  const details = (row) => {
    const list = make("dl");
    const add = (name, value) => {
      if (value) list.append(make("dt", {}, name), make("dd", {}, make("bdi", {}, ...marked(String(value)))));
    };
    add("Request", get(row, "correlation_id"));
    add("Mission", get(row, "mission"));
    add("Waited", duration(get(row, "waited_ms")));
    add("Refused", get(row, "code") && get(row, "message"));
    add("Arguments", get(row, "args"));
    add("Policy", data.policies[get(row, "policy")]);
    add("Events", get(row, "event_ids").join(" "));
    add("Commits", get(row, "commits").join(" "));
    add("Dead letter", get(row, "dead_letter"));
    add("Whole entry", `spec-kitty mailbox show ${get(row, "correlation_id")}`);
    return make("tr", { class: "details", role: "row" }, make("td", { role: "cell", colspan: "8" }, list));
  };

  const toggle = (button, row) => {
    const line = button.closest("tr");
    const opens = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(opens));
    if (opens) line.after(details(row));
    else line.nextElementSibling.remove();
  };

  const line = (row) => {
    const button = make("button", { type: "button", "aria-expanded": "false", "aria-label": `Details of line ${get(row, "seq")}` },
      String(get(row, "seq")));
    button.addEventListener("click", () => toggle(button, row));
    const refused = get(row, "code") !== null;
    const result = cell("Outcome", "result", outcome(row), refused ? "code" : "");
    if (refused) result.append(make("bdi", { class: "long" }, ...marked(get(row, "message"))));
    return make("tr", { role: "row", class: refused ? "refused" : "" },
      make("th", { role: "rowheader", scope: "row", "data-label": "Line" }, button),
      cell("Time", "at", get(row, "at"), "time"), cell("Orchestrator", "caller", get(row, "caller")),
      cell("Actor", "actor", get(row, "actor"), "long"), cell("Command", "command", get(row, "command"), "code"),
      cell("Package", "wp", get(row, "wp")), result, cell("Took", "took number", duration(get(row, "duration_ms"))));
  };

  const draw = () => {
    const pages = Math.max(Math.ceil(shown.length / PAGE), 1);
    page = Math.min(Math.max(page, 0), pages - 1);
    const count = (number) => number.toLocaleString("en");
    find("found").textContent = `${count(shown.length)} of ${count(data.rows.length)} requests`;
    find("page").textContent = `Page ${count(page + 1)} of ${count(pages)}`;
    for (const id of ["newest", "newer"]) find(id).disabled = page === 0;
    for (const id of ["older", "oldest"]) find(id).disabled = page === pages - 1;
    find("rows").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(line));
  };

  const search = () => {
    words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const name of Object.keys(filters)) filters[name] = find(name).value;
    shown = data.rows.filter(matches);
    page = 0;
    draw();
  };

  const clear = () => {
    find("search").value = "";
    for (const name of Object.keys(filters)) find(name).value = "";
    search();
  };

  const choices = (id, values) => {
    const counted = new Map();
    for (const value of values) if (value) counted.set(value, (counted.get(value) || 0) + 1);
    const named = [...counted.keys()].sort();
    const short = (text) => (text.length > 60 ? `${text.slice(0, 60)}...` : text);
    const options = named.map((name) => make("option", { value: name }, `${short(name)} (${counted.get(name)})`));
    find(id).append(...options);
    find(id).addEventListener("change", search);
  };

  const move = (event, step) => {
    const buttons = [...find("rows").querySelectorAll("th button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!buttons.includes(document.activeElement) || !next) return;
    event.preventDefault();
    next.focus();
  };

  const pressed = (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "/" && !isTyping) {
      event.preventDefault();
      find("search").focus();
    } else if (event.key === "Escape" && document.activeElement === find("search")) clear();
    else if (event.key === "ArrowDown") move(event, 1);
    else if (event.key === "ArrowUp") move(event, -1);
  };

  const turn = (id, to) => find(id).addEventListener("click", () => {
    page = to();
    draw();
  });

  document.documentElement.classList.add("script");
  for (const name of Object.keys(filters)) find(name).append(make("option", { value: "" }, "All"));
  find("outcome").append(make("option", { value: ANSWERED }, "Answered"), make("option", { value: REFUSED }, "Refused"));
  for (const [id, name] of [["outcome", "code"], ["command", "command"], ["caller", "caller"], ["wp", "wp"]]) {
    choices(id, data.rows.map((row) => get(row, name)));
  }
  find("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 80);
  });
  find("clear").addEventListener("click", clear);
  turn("newest", () => 0);
  turn("newer", () => page - 1);
  turn("older", () => page + 1);
  turn("oldest", () => Infinity);
  for (const button of document.querySelectorAll("[data-outcome]")) {
    button.addEventListener("click", () => {
      clear();
      find("outcome").value = button.dataset.outcome;
      search();
      find("journal").scrollIntoView();
      find("search").focus({ preventScroll: true });
    });
  }
  document.addEventListener("keydown", pressed);
  window.addEventListener("beforeprint", () => document.querySelectorAll("main section > details").forEach((it) => { it.open = true; }));
  search();
})();
