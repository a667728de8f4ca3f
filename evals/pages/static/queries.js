"use strict";
// The explorer: list, search, filter, sort and page through a run's queries, one run or two beside
// each other. What is shown stands in the address, so that a query can be linked to.
evals.load("all", "runs").then((runs) => {
  const PAGE = 50;
  const { make, print, name: nameScore, judge } = drawing;
  const element = (id) => document.getElementById(id);
  const controls = ["run", "beside", "text", "score", "low", "high", "differ", "sort"];
  let state = {};
  let one = null;
  let other = null;
  let rows = [];
  let drawn = 0;

  // ------------------------------------------------------------------ the address

  function readAddress() {
    return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  }

  function writeAddress(changes, { push = false } = {}) {
    state = { ...state, ...changes };
    for (const key of Object.keys(state)) if (state[key] === "") delete state[key];
    const address = `#${new URLSearchParams(state)}`;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  // ------------------------------------------------------------------ a run's columns

  // Load a run's index piece by piece; `grown` is called after each.
  async function loadColumns(slug, grown, isWanted) {
    const run = await evals.load(slug, "run");
    const columns = {
      run, ids: [], questions: [], answers: [], expected: [], probabilities: [],
      scores: Object.fromEntries(run.scores.map((name) => [name, []])),
      types: Object.fromEntries(Object.keys(run.types).map((key) => [key, []])),
      places: null, haystack: [],
    };
    for (let number = 0; number < run.pieces && isWanted(); number += 1) {
      const part = `index-${String(number).padStart(5, "0")}`;
      const piece = await evals.load(slug, part);
      evals.forget(slug, part); // the columns hold it now
      for (const name of ["ids", "questions", "answers", "expected", "probabilities"]) {
        append(columns[name], piece[name]);
      }
      for (const name of run.scores) append(columns.scores[name], piece.scores[name]);
      for (const key of Object.keys(run.types)) append(columns.types[key], piece.types[key]);
      grown(columns);
    }
    return columns;
  }

  function append(column, values) {
    for (const value of values) column.push(value);
  }

  // Return where a query stands in the other run, or undefined.
  function findBeside(id) {
    if (other.places === null || other.places.size < other.ids.length) {
      other.places = new Map(other.ids.map((each, place) => [each, place]));
    }
    return other.places.get(id);
  }

  function isDifferent(place) {
    const beside = findBeside(one.ids[place]);
    return beside === undefined || other.answers[beside] !== one.answers[place];
  }

  // ------------------------------------------------------------------ filter and sort

  function hay(place) {
    const kept = one.haystack[place];
    if (kept !== undefined) return kept;
    const parts = [one.ids[place], one.questions[place], one.answers[place], one.expected[place]];
    return (one.haystack[place] = parts.join("\n").toLowerCase());
  }

  // The score that is asked for, where a run has it.
  const chosenScore = (columns) => (columns.scores[state.score] ? state.score : columns.run.headline);

  function choose() {
    const text = (state.text ?? "").toLowerCase();
    const scores = one.scores[chosenScore(one)];
    const factor = one.run.scales[chosenScore(one)]?.factor ?? 1;
    const low = state.low === undefined ? null : Number(state.low) / factor;
    const high = state.high === undefined ? null : Number(state.high) / factor;
    const types = Object.keys(one.types)
      .filter((key) => state[`type.${key}`] !== undefined)
      .map((key) => [one.types[key], one.run.types[key].indexOf(state[`type.${key}`])]);
    const differ = other !== null && state.differ === "1";
    rows = [];
    for (let place = 0; place < one.ids.length; place += 1) {
      if (low !== null && !(scores && scores[place] !== null && scores[place] >= low - 1e-9)) continue;
      if (high !== null && !(scores && scores[place] !== null && scores[place] <= high + 1e-9)) continue;
      if (types.some(([codes, code]) => codes[place] !== code)) continue;
      if (text && !hay(place).includes(text)) continue;
      if (differ && !isDifferent(place)) continue;
      rows.push(place);
    }
    sortRows(scores);
  }

  function sortRows(scores) {
    const by = {
      score: (place) => scores?.[place] ?? null,
      probability: (place) => one.probabilities[place],
      answer: (place) => one.answers[place],
      gain: (place) => {
        const beside = other === null ? undefined : findBeside(one.ids[place]);
        if (beside === undefined || !scores) return null;
        const [score, scale] = [chosenScore(one), one.run.scales[chosenScore(one)]];
        const beneath = other.scores[score] ? score : other.run.headline;
        const [theirs, theirScale] = [other.scores[beneath], other.run.scales[beneath]];
        if (!theirs || theirScale.lower !== scale.lower || theirScale.factor !== scale.factor) return null;
        const more = theirs[beside] - scores[place];
        return scale.lower ? -more : more;
      },
    };
    const [name, direction] = (state.sort ?? "").split(" ");
    const key = by[name];
    if (key === undefined) return;
    const keys = new Map(rows.map((place) => [place, key(place)]));
    const sign = direction === "down" ? -1 : 1;
    rows.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === y) return a - b;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return x < y ? -sign : sign;
    });
  }

  // ------------------------------------------------------------------ drawing

  const numPages = () => Math.max(1, Math.ceil(rows.length / PAGE));
  const pageNumber = () => Math.min(Math.max(1, Number(state.page ?? 1) || 1), numPages());

  function drawList() {
    const number = pageNumber();
    const shown = rows.slice((number - 1) * PAGE, number * PAGE);
    const score = chosenScore(one);
    const hasQuestions = one.questions.some((question) => question !== "");
    const hasExpected = one.expected.some((text) => text !== "");
    const head = make("tr", "", make("th", "", "query"));
    if (hasQuestions) head.append(make("th", "", "question"));
    head.append(make("th", "", other === null ? "answer" : "answer A"));
    if (other !== null) head.append(make("th", "", "answer B"));
    if (hasExpected) head.append(make("th", "", "reference"));
    const title = nameScore(score, one.run.scales[score]);
    if (score) head.append(make("th", "number", other === null ? title : `${title} A`));
    if (other !== null && score) head.append(make("th", "number", "B"));
    const table = element("rows");
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...shown.map((place) => drawRow(place, score, hasQuestions, hasExpected)));
    element("page").textContent = `page ${number} of ${numPages().toLocaleString("en")}`;
    element("back").disabled = number === 1;
    element("forward").disabled = number === numPages();
  }

  function drawRow(place, score, hasQuestions, hasExpected) {
    const row = make("tr");
    const id = one.ids[place];
    const link = make("a", "", id);
    link.href = `#${new URLSearchParams({ ...state, id })}`;
    row.append(make("td", "", link));
    if (hasQuestions) row.append(make("td", "", one.questions[place]));
    const value = one.scores[score]?.[place];
    const [scale, theirScale] = [one.run.scales[score], other?.run.scales[score]];
    row.append(make("td", judge(value, scale), one.answers[place]));
    const beside = other === null ? undefined : findBeside(id);
    const theirs = beside === undefined ? undefined : other.scores[score]?.[beside];
    if (other !== null) row.append(make("td", judge(theirs, theirScale), beside === undefined ? "–" : other.answers[beside]));
    if (hasExpected) row.append(make("td", "", one.expected[place]));
    if (score) row.append(make("td", "number", print(value, scale)));
    if (other !== null && score) row.append(make("td", "number", print(theirs, theirScale)));
    row.setAttribute("aria-selected", String(state.id === id));
    row.addEventListener("click", (event) => {
      event.preventDefault();
      openQuery(id);
    });
    return row;
  }

  async function drawDetail() {
    const article = element("detail");
    const place = state.id === undefined ? -1 : one.ids.indexOf(state.id);
    const isOpen = place >= 0;
    article.hidden = !isOpen;
    document.querySelector(".panes").classList.toggle("open", isOpen);
    if (!isOpen) return;
    const turn = (drawn += 1);
    const sides = [await loadSide(one, place)];
    const beside = other === null ? undefined : findBeside(state.id);
    if (beside !== undefined) sides.push(await loadSide(other, beside));
    if (turn !== drawn) return; // another query was opened meanwhile
    const close = make("button", "", "× ", make("kbd", "", "Esc"));
    close.type = "button";
    close.addEventListener("click", closeQuery);
    const address = make("a", "", state.id);
    address.href = location.hash;
    const heading = make("h2", "", address);
    const question = one.questions[place];
    const [first] = sides;
    article.replaceChildren(
      make("div", "head", heading, close),
      make("div", "asked", ...drawing.drawPictures(first.detail), make("p", "raw", question)),
      ...[drawing.drawReferences(first.detail), drawing.drawMetadata(first.detail)].filter(Boolean),
      make("div", "sides", ...sides.map((side) => drawing.drawSide(side.run, side.detail, side.prompt, side.answer))),
    );
    article.scrollTop = 0;
  }

  async function loadSide(columns, place) {
    const { run } = columns;
    const number = Math.floor(place / run.detailed);
    const [details, prompt] = await Promise.all([
      evals.load(run.slug, `details-${String(number).padStart(5, "0")}`),
      evals.load(run.slug, "prompt"),
    ]);
    return { run, prompt, detail: details[place % run.detailed], answer: columns.answers[place] };
  }

  function drawStatus(isLoading) {
    const all = one.run.queries.toLocaleString("en");
    const found = rows.length.toLocaleString("en");
    const loaded = one.ids.length.toLocaleString("en");
    element("status").textContent = isLoading
      ? `${found} of ${loaded} queries, loading ${all} …`
      : `${found} of ${all} queries`;
    element("status").dataset.ready = String(!isLoading);
  }

  function refresh(isLoading = false) {
    choose();
    drawList();
    drawStatus(isLoading);
  }

  // ------------------------------------------------------------------ controls

  function fill(select, options, chosen) {
    select.replaceChildren(...options.map(([value, label]) => {
      const option = make("option", "", label);
      option.value = value;
      return option;
    }));
    select.value = chosen ?? options[0]?.[0] ?? "";
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  function fillControls() {
    const { run } = one;
    const known = runs.find((each) => each.slug === run.slug);
    fill(element("run"), runs.map((each) => [each.slug, `${each.task} ${each.split}: ${each.label}`]), run.slug);
    const alike = runs.filter((each) => each.slug !== run.slug && each.task === known.task && each.split === known.split);
    fill(element("beside"), [["", "nothing"], ...alike.map((each) => [each.slug, each.label])], state.beside ?? "");
    element("beside").disabled = alike.length === 0;
    fill(element("score"), run.scores.map((name) => [name, nameScore(name, run.scales[name])]), state.score ?? run.headline);
    const hasProbabilities = one.probabilities.some((value) => value !== null);
    fill(element("sort"), [
      ["", "as in the data set"],
      ["score up", "lowest score first"],
      ["score down", "highest score first"],
      ["answer up", "by answer"],
      ...(hasProbabilities ? [["probability up", "least certain first"]] : []),
      ...(other === null ? [] : [["gain down", "B better first"], ["gain up", "B worse first"]]),
    ], state.sort ?? "");
    element("types").replaceChildren(...Object.entries(run.types).map(([key, values]) => {
      const select = make("select");
      fill(select, [["", "any"], ...values.map((value) => [value, value])], state[`type.${key}`] ?? "");
      select.addEventListener("change", () => change({ [`type.${key}`]: select.value }));
      return make("label", "", key.replaceAll("_", " "), select);
    }));
    for (const id of ["text", "low", "high"]) element(id).value = state[id] ?? "";
    element("differ").checked = state.differ === "1";
    element("differ-label").hidden = other === null;
    element("note").textContent = run.note;
    element("note").hidden = !run.note;
  }

  function change(changes) {
    writeAddress({ ...changes, page: "" });
    refresh();
  }

  function turnPage(step) {
    const number = pageNumber() + step;
    if (number < 1 || number > numPages()) return;
    writeAddress({ page: String(number) });
    drawList();
    element("list").scrollIntoView({ block: "nearest" });
  }

  function openQuery(id) {
    writeAddress({ id }, { push: true });
    drawList();
    drawDetail().catch(complain);
  }

  function closeQuery() {
    writeAddress({ id: "" }, { push: true });
    drawList();
    drawDetail().catch(complain);
  }

  function stepQuery(step) {
    const at = rows.indexOf(one.ids.indexOf(state.id));
    const next = Math.min(Math.max(0, at + step), rows.length - 1);
    if (rows.length === 0) return;
    writeAddress({ page: String(Math.floor(next / PAGE) + 1) });
    openQuery(one.ids[rows[next]]);
    document.querySelector('#rows [aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  function complain(error) {
    element("status").textContent = String(error.message ?? error);
    element("status").className = "warning";
  }

  // ------------------------------------------------------------------ opening a run

  let opened = 0;
  async function open() {
    const turn = (opened += 1);
    const isWanted = () => turn === opened;
    state = readAddress();
    const slug = runs.some((run) => run.slug === state.run) ? state.run : runs[0].slug;
    state.run = slug;
    const known = runs.find((run) => run.slug === slug);
    const alike = runs.find((run) => run.slug === state.beside && run.task === known.task && run.split === known.split);
    other = null;
    if (alike !== undefined) other = await loadColumns(alike.slug, () => {}, isWanted);
    if (!isWanted()) return;
    let isFirst = true;
    const columns = await loadColumns(slug, (grown) => {
      if (!isWanted()) return;
      one = grown;
      if (isFirst) fillControls();
      if (isFirst || state.id === undefined) refresh(true);
      if (isFirst && state.id !== undefined) drawDetail().catch(complain);
      isFirst = false;
    }, isWanted);
    if (!isWanted()) return;
    one = columns;
    fillControls();
    refresh();
    await drawDetail();
  }

  for (const id of controls) {
    const control = element(id);
    const value = () => (control.type === "checkbox" ? (control.checked ? "1" : "") : control.value);
    if (id === "run" || id === "beside") {
      control.addEventListener("change", () => {
        const kept = id === "run" ? { text: state.text ?? "" } : { ...state };
        state = {};
        writeAddress({ ...kept, run: state.run ?? one.run.slug, [id]: value(), page: "" }, { push: true });
        open().catch(complain);
      });
    } else {
      const name = id === "text" || control.type === "number" ? "input" : "change";
      control.addEventListener(name, () => change({ [id]: value() }));
    }
  }
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("back").addEventListener("click", () => turnPage(-1));
  element("forward").addEventListener("click", () => turnPage(1));
  window.addEventListener("popstate", () => open().catch(complain));
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (isTyping) event.target.blur();
      else closeQuery();
      return;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      "/": () => element("text").focus(),
      j: () => stepQuery(1),
      k: () => stepQuery(-1),
      n: () => turnPage(1),
      p: () => turnPage(-1),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  open().catch(complain);
}).catch((error) => {
  document.getElementById("status").textContent = String(error.message ?? error);
});
