"use strict";
// Everything shown here was written by strangers: text goes in through textContent only, never as markup.
(() => {
  const BATCH = 100;
  const LEVELS = ["high", "medium", "low"];
  const GROUPS = { rule: "Rule", file: "File", author: "Author", secret: "Secret", none: "None" };
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const rank = { high: 0, medium: 1, low: 2 };
  const findings = data.findings
    .map((finding) => ({ ...finding, hay: haystack(finding) }))
    .sort((a, b) => rank[a.confidence] - rank[b.confidence]);
  const state = { query: "", levels: new Set(), head: false, group: "rule", time: null, closed: new Set() };
  let items = [];
  let shown = 0;

  function haystack(f) {
    return [f.path, f.title, f.rule_id, f.author, f.commit, f.date, f.source, f.snippet, f.fingerprint, ...f.refs]
      .join("\n")
      .toLowerCase();
  }

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  function plural(count, noun) {
    return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  }

  // --- filters -------------------------------------------------------------------------------------------------

  function matches(finding, { ignoreTime = false, ignoreLevel = false } = {}) {
    if (!ignoreLevel && state.levels.size && !state.levels.has(finding.confidence)) return false;
    if (state.head && !finding.in_head) return false;
    if (!ignoreTime && state.time !== null && period(finding) !== state.time) return false;
    return state.query.split(/\s+/).every((word) => finding.hay.includes(word));
  }

  function groupKey(finding) {
    if (state.group === "rule") return finding.rule_id;
    if (state.group === "file") return finding.path;
    if (state.group === "author") return finding.author ?? "";
    return `${finding.rule_id} ${finding.fingerprint}`;
  }

  function groupName(finding) {
    if (state.group === "file") return finding.path;
    if (state.group === "author") return finding.author ?? "No author";
    return finding.title;
  }

  function flatten() {
    const visible = findings.filter((finding) => matches(finding));
    if (state.group === "none") return [visible.map((finding) => ({ finding })), visible.length];
    const groups = new Map();
    for (const finding of visible) {
      const key = groupKey(finding);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(finding);
    }
    const sorted = [...groups].sort(
      ([, a], [, b]) => rank[a[0].confidence] - rank[b[0].confidence] || b.length - a.length,
    );
    const flat = [];
    for (const [key, members] of sorted) {
      flat.push({ group: key, name: groupName(members[0]), members });
      if (!state.closed.has(key)) flat.push(...members.map((finding) => ({ finding })));
    }
    return [flat, visible.length];
  }

  // --- the list ------------------------------------------------------------------------------------------------

  function groupHeading({ group, name, members }) {
    const label = make("span", state.group === "file" ? "name code" : "name", name);
    const secrets = new Set(members.map((each) => each.rule_id + each.fingerprint)).size;
    const places = plural(members.length, "place");
    const note = make("small", "", state.group === "secret" ? places : `${plural(secrets, "secret")} in ${places}`);
    const button = make("button", "group", label, note);
    button.type = "button";
    button.setAttribute("aria-expanded", String(!state.closed.has(group)));
    button.addEventListener("click", () => {
      if (!state.closed.delete(group)) state.closed.add(group);
      draw({ keep: true });
    });
    return button;
  }

  function snippet(finding) {
    const box = make("code", "snippet");
    const parts = finding.snippet.split("********");
    parts.forEach((part, index) => {
      if (index) box.append(make("mark", "", "********"));
      box.append(part);
    });
    return box;
  }

  function card(finding) {
    const details = make("details", `finding ${finding.confidence}`);
    const place = make("span", "place", finding.path, make("span", "", `:${finding.start_line}:${finding.start_column}`));
    const row = make("div", "row", make("span", "pill", finding.confidence), place);
    if (finding.source !== "file") row.append(make("span", "tag", finding.source.replaceAll("-", " ")));
    for (const encoding of finding.decoded_from) row.append(make("span", "tag", encoding));
    if (finding.in_head !== null && finding.commit) {  // what is not committed has no history
      row.append(make("span", finding.in_head ? "tag live push" : "tag push", finding.in_head ? "in HEAD" : "not in HEAD"));
    }
    const meta = make("div", "meta", state.group === "rule" ? "" : make("span", "", finding.title));
    if (finding.commit) meta.append(make("code", "", finding.commit.slice(0, 12)));
    if (finding.author && state.group !== "author") meta.append(make("span", "", finding.author));
    if (finding.date) meta.append(make("span", "", finding.date.slice(0, 10)));
    if (finding.refs.length) meta.append(make("span", "", refs(finding.refs, 3)));
    details.append(make("summary", "", row, snippet(finding), meta));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(more(finding));
    });
    return details;
  }

  function refs(names, most) {
    const short = names.slice(0, most).map((name) => name.replace(/^refs\/(heads|tags|remotes)\//, ""));
    return short.join(", ") + (names.length > most ? ` +${names.length - most}` : "");
  }

  function more(finding) {
    const rule = data.rules[finding.rule_id];
    const todo = make("div", "todo", make("b", "", "What to do"), rule.advice || "Revoke the secret and replace it.");
    for (const link of rule.references.filter((each) => each.startsWith("https://"))) {
      const anchor = make("a", "", link);
      anchor.href = link;
      anchor.rel = "noreferrer noopener";
      todo.append(make("div", "", anchor));
    }
    const list = make("dl", "facts-list");
    const add = (name, value, copy = false) => {
      if (!value) return;
      const cell = make("dd", "", value);
      if (copy) cell.append(copyButton(value));
      list.append(make("dt", "", name), cell);
    };
    add("Rule", finding.rule_id);
    add("Secret", finding.secret);
    add("Fingerprint", finding.fingerprint, true);
    add("Commit", finding.commit, true);
    add("Author", finding.author);
    add("Date", finding.date);
    add("Refs", refs(finding.refs, 50));
    add("Decoded from", finding.decoded_from.join(" → "));
    return make("div", "more", todo, list);
  }

  function copyButton(value) {
    const button = make("button", "copy", "Copy");
    button.type = "button";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(value);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
    });
    return button;
  }

  function grow() {
    const batch = items.slice(shown, shown + BATCH);
    if (!batch.length) return false;
    byId("list").append(...batch.map((item) => (item.finding ? card(item.finding) : groupHeading(item))));
    shown += batch.length;
    return true;
  }

  // --- overview ------------------------------------------------------------------------------------------------

  function drawCards() {
    const cards = LEVELS.map((level) => {
      const count = findings.filter((f) => f.confidence === level && matches(f, { ignoreLevel: true })).length;
      const button = make("button", `card ${level}`, make("b", "", count.toLocaleString("en")), make("span", "", level));
      button.type = "button";
      button.disabled = !count && !state.levels.has(level);
      button.setAttribute("aria-pressed", String(state.levels.has(level)));
      button.addEventListener("click", () => toggleLevel(level));
      return button;
    });
    const visible = findings.filter((finding) => matches(finding));
    const secrets = new Set(visible.map((each) => each.rule_id + each.fingerprint)).size;
    const fact = (count, name) => make("div", "card", make("b", "", count.toLocaleString("en")), make("span", "", name));
    cards.push(fact(secrets, "different secrets"), fact(new Set(visible.map((each) => each.path)).size, "files"));
    if (data.in_git) cards.push(fact(visible.filter((each) => each.in_head).length, "still in HEAD"));
    byId("cards").replaceChildren(...cards);
  }

  // Commits carry any text as their date.
  const day = (finding) => (/^\d{4}-\d\d-\d\d/.test(finding.date ?? "") ? finding.date.slice(0, 10) : "");
  const dates = findings.map(day).filter((each) => !Number.isNaN(Date.parse(each))).sort();
  const unit = periodLength(dates);

  function periodLength(sorted) {
    if (!sorted.length) return 7;
    const days = (Date.parse(sorted.at(-1)) - Date.parse(sorted[0])) / 86400000;
    if (days <= 62) return 10;
    return days <= 365 * 8 ? 7 : 4;
  }

  function period(finding) {
    return day(finding).slice(0, unit) || null;
  }

  function periods() {
    const all = [];
    const last = dates.at(-1).slice(0, unit);
    const at = new Date(`${dates[0].slice(0, unit)}${{ 4: "-01-01", 7: "-01", 10: "" }[unit]}T00:00:00Z`);
    // A date that a forged commit made absurd must not make the page count to the year 9999.
    while (all.length < 400) {
      const name = at.toISOString().slice(0, unit);
      all.push(name);
      if (name >= last) break;
      if (unit === 10) at.setUTCDate(at.getUTCDate() + 1);
      else if (unit === 7) at.setUTCMonth(at.getUTCMonth() + 1);
      else at.setUTCFullYear(at.getUTCFullYear() + 1);
    }
    return all;
  }

  function drawTimeline() {
    if (!dates.length) return;
    const bins = new Map(periods().map((name) => [name, { high: 0, medium: 0, low: 0, sum: 0 }]));
    for (const finding of findings) {
      const bin = bins.get(period(finding));
      if (!bin || !matches(finding, { ignoreTime: true })) continue;
      bin[finding.confidence] += 1;
      bin.sum += 1;
    }
    const top = Math.max(1, ...[...bins.values()].map((bin) => bin.sum));
    const bars = [...bins].map(([name, bin]) => {
      const bar = make("button", "");
      bar.type = "button";
      bar.title = `${name}: ${plural(bin.sum, "finding")}`;
      bar.setAttribute("aria-label", bar.title);
      bar.setAttribute("aria-pressed", String(state.time === name));
      for (const level of LEVELS.filter((each) => bin[each])) {
        const piece = make("i", level);
        piece.style.height = `${Math.max(3, (bin[level] / top) * 100)}%`;
        bar.append(piece);
      }
      bar.addEventListener("click", () => {
        state.time = state.time === name ? null : name;
        draw();
      });
      return bar;
    });
    byId("bars").replaceChildren(...bars);
    byId("bars").classList.toggle("chosen", state.time !== null);
    const names = [...bins.keys()];
    const ticks = names.length > 2 ? [names[0], names[Math.floor(names.length / 2)], names.at(-1)] : names;
    byId("axis").replaceChildren(...ticks.map((name) => make("span", "", name)));
    const undated = findings.length - dates.length;
    byId("timeline-note").textContent = state.time ?? (undated ? `${undated.toLocaleString("en")} without a date` : "");
    byId("timeline").hidden = false;
  }

  function drawToolbar() {
    const buttons = Object.entries(GROUPS).map(([name, label]) => {
      const button = make("button", "", label);
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(state.group === name));
      button.tabIndex = state.group === name ? 0 : -1;
      button.addEventListener("click", () => setGroup(name));
      return button;
    });
    byId("groups").replaceChildren(...buttons);
    byId("head").hidden = !data.in_git;
    byId("head").setAttribute("aria-pressed", String(state.head));
    byId("clear").hidden = !(state.query || state.levels.size || state.head || state.time !== null);
  }

  function draw({ keep = false } = {}) {
    if (!findings.length) return;
    const scroll = window.scrollY;
    let count;
    [items, count] = flatten();
    const before = shown;
    shown = 0;
    byId("list").replaceChildren();
    do grow();
    while (keep && shown < Math.min(before, items.length));
    if (!count) byId("list").append(make("p", "none", "Nothing matches these filters."));
    byId("count").textContent = `${count.toLocaleString("en")} of ${plural(findings.length, "finding")}`;
    drawCards();
    drawTimeline();
    drawToolbar();
    if (keep) window.scrollTo(0, scroll);
  }

  // --- what the reader does ------------------------------------------------------------------------------------

  function toggleLevel(level) {
    if (!state.levels.delete(level)) state.levels.add(level);
    draw();
  }

  function setGroup(name) {
    state.group = name;
    state.closed.clear();
    draw();
    byId("groups").querySelector('[aria-checked="true"]').focus({ preventScroll: true });
  }

  function nextGroup(step) {
    const names = Object.keys(GROUPS);
    setGroup(names[(names.indexOf(state.group) + step + names.length) % names.length]);
  }

  function clear() {
    Object.assign(state, { query: "", levels: new Set(), head: false, time: null });
    byId("search").value = "";
    draw();
  }

  function toggleHead() {
    state.head = !state.head;
    draw();
  }

  function move(step) {
    const all = () => [...byId("list").querySelectorAll("summary")];
    const now = all().indexOf(document.activeElement);
    const next = now + step;
    if (next >= all().length) grow();
    const target = all()[Math.max(0, next)];
    if (target) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "center" });
    }
  }

  function toggleTheme() {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
      || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  }

  const KEYS = {
    "/": () => byId("search").focus(),
    j: () => move(1),
    k: () => move(-1),
    g: () => nextGroup(1),
    h: () => data.in_git && toggleHead(),
    t: toggleTheme,
    "?": () => byId("help").showModal(),
    Escape: clear,
    1: () => toggleLevel("high"),
    2: () => toggleLevel("medium"),
    3: () => toggleLevel("low"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const typing = event.target === byId("search");
    if (typing && event.key === "Escape") {
      byId("search").blur();
      clear();
    } else if (!typing && KEYS[event.key] && (findings.length || "?t".includes(event.key))) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
  byId("groups").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      nextGroup(step);
    }
  });
  let waiting = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.query = byId("search").value.trim().toLowerCase();
      draw();
    }, findings.length > 2000 ? 120 : 0);
  });
  byId("head").addEventListener("click", toggleHead);
  byId("clear").addEventListener("click", clear);
  byId("theme").addEventListener("click", toggleTheme);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && grow(), {
    rootMargin: "1200px",
  }).observe(byId("more"));

  byId("overview").hidden = !findings.length;
  draw();
  document.documentElement.dataset.ready = "yes";
})();
