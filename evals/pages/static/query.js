"use strict";
// One query, drawn: answer, references, scores, probabilities, and the prompt as the model saw it.
// Everything of the data set is set as text, never as HTML.
const drawing = (() => {
  function make(tag, className = "", ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  // A score as papers print it: a scale has the factor, the digits, and whether lower is better.
  const print = (value, scale) => (value === null || value === undefined || scale === undefined
    ? "–" : (scale.factor * value).toFixed(scale.digits));

  const name = (score, scale) => (scale?.lower ? `${score} ↓` : score);

  // Return the class of an answer's colour; of a plain number nobody knows what is right.
  function judge(value, scale) {
    if (value === null || value === undefined || scale === undefined || scale.factor === 1) return "";
    if (scale.lower) return value <= 0.5 ? "right" : value >= 1 ? "wrong" : "";
    return value >= 0.5 ? "right" : value === 0 ? "wrong" : "";
  }

  function drawPicture(picture) {
    if (picture.file === null) {
      return make("span", "gone", `picture not in this report: ${picture.name}`);
    }
    const image = make("img");
    image.src = picture.file;
    image.alt = picture.name;
    image.title = picture.name;
    image.loading = "lazy";
    return image;
  }

  function drawWords(segments) {
    const words = make("div", "words");
    for (const segment of segments) {
      words.append(typeof segment === "string" ? segment : drawPicture(segment));
    }
    return words;
  }

  function drawPrompt(detail, prompt) {
    const section = make("section", "prompt", make("h3", "", "Prompt as the model saw it"));
    if (prompt === null || detail.words === undefined) {
      section.append(make("p", "note", "The run's data are not where they were; words and pictures are missing."));
      return section;
    }
    if (prompt.bos || prompt.prefix) {
      section.append(make("div", "", make("span", "kind", "prefix"),
        drawWords([(prompt.bos ? "<s>" : "") + prompt.prefix])));
    }
    const shown = detail.demonstrations ?? [];
    shown.forEach((number, index) => {
      const demonstration = prompt.demonstrations[number];
      section.append(make("div", "demonstration",
        make("span", "kind", `demonstration ${index + 1} · ${demonstration.id}`),
        drawWords(demonstration.words)));
    });
    section.append(make("div", "query", make("span", "kind", "query"), drawWords(detail.words)));
    const facts = [detail.prompt_tokens === undefined
      ? "not asked, since its picture cannot be read" : `${detail.prompt_tokens} tokens`];
    if (detail.dropped) facts.push(`${detail.dropped} demonstrations dropped out: too long`);
    section.append(make("p", "note", facts.join(", ")));
    return section;
  }

  function drawPairs(pairs) {
    const list = make("div", "pairs");
    for (const [label, share, text, className, isLower] of pairs) {
      const meter = make(share === null ? "span" : "meter");
      if (share !== null) {
        meter.max = 1;
        meter.value = share;
        if (isLower) [meter.low, meter.high, meter.optimum] = [0.5, 0.99, 0]; // long is bad
      }
      list.append(make("span", className ?? "", label), meter, make("span", "", text));
    }
    return list;
  }

  // Draw one run's side of a query.
  function drawSide(run, detail, prompt, answer) {
    const side = make("div", "side", make("p", "kind", run.label));
    const judged = judge(detail.scores[run.headline], run.scales[run.headline]);
    side.append(make("p", `answer ${judged}`.trim(), answer || "(empty)"));
    if (detail.text !== undefined && detail.text !== answer) {
      side.append(make("p", "note", "raw: ", make("span", "raw", JSON.stringify(detail.text))));
    }
    if (detail.finish !== undefined) {
      side.append(make("p", "note", `ended by ${detail.finish}, log-probability ${detail.logprob.toFixed(3)}`));
    }
    const scores = Object.entries(detail.scores);
    if (scores.length) {
      side.append(make("h3", "", "Scores"),
        drawPairs(scores.map(([score, value]) => {
          const scale = run.scales[score];
          const share = scale.factor === 1 ? null : Math.min(1, value);
          return [name(score, scale), share, print(value, scale), "", scale.lower];
        })));
    }
    if (detail.probabilities.length) {
      const orders = (detail.logprobs ?? []).length;
      side.append(make("h3", "", orders > 1 ? `Probabilities, over ${orders} orders` : "Probabilities"),
        drawPairs(detail.probabilities.map((value, index) => [
          run.choices[index] ?? `class ${index}`, value, value.toFixed(3),
          index === detail.label ? "right" : "",
        ])));
    }
    side.append(drawPrompt(detail, prompt));
    return side;
  }

  function drawReferences(detail) {
    const references = detail.references ?? [];
    if (!references.length) return null;
    const list = make("ul");
    for (const [text, count] of references) {
      list.append(make("li", "", text, count > 1 ? make("small", "", ` × ${count}`) : null));
    }
    return make("section", "", make("h3", "", "References"), list);
  }

  // The pictures that the query itself asks about.
  function drawPictures(detail) {
    return (detail.words ?? []).filter((part) => typeof part !== "string").map(drawPicture);
  }

  function drawMetadata(detail) {
    const entries = Object.entries(detail.metadata ?? {});
    if (!entries.length) return null;
    return make("p", "note", entries.map(([key, value]) => `${key}: ${value}`).join(" · "));
  }

  return { make, print, name, judge, drawSide, drawReferences, drawPictures, drawMetadata };
})();
