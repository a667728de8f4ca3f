"use strict";
// The first page's charts, by Chart.js: curves of score against shots, and reliability diagrams.
evals.load("all", "charts").then((data) => {
  // Okabe and Ito's colours, told apart by the colour-blind; black is left to the text.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
  const DASHES = [[6, 4], [2, 3], [8, 3, 2, 3], [1, 4]];
  const POINTS = ["rect", "triangle", "rectRot", "star", "cross"];
  const charts = [];

  // A canvas takes no light-dark(): ask what the browser makes of it.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  function colour(name) {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  }

  function addCanvas(parent, label) {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    const caption = document.createElement("figcaption");
    caption.textContent = label;
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.append(canvas);
    figure.append(caption, frame);
    parent.append(figure);
    return canvas;
  }

  function axis(title, more = {}) {
    return {
      title: { display: Boolean(title), text: title, color: colour("--faint") },
      ticks: { color: colour("--faint") },
      grid: { color: colour("--line") },
      ...more,
    };
  }

  function drawCurves(panel, parent) {
    const names = { runs: 0, published: 0 };
    const datasets = [];
    for (const curve of panel.curves) {
      const number = curve.published ? names.published++ : names.runs++;
      const hue = curve.published ? colour("--faint") : COLOURS[number % COLOURS.length];
      const at = (index) => curve.points.map((point) => ({ x: point[0], y: point[index] }));
      const spans = curve.points.some((point) => point[2] !== point[3]);
      if (spans) {
        const edge = { borderWidth: 0, pointRadius: 0, isBand: true };
        datasets.push({ ...edge, data: at(2), fill: false });
        datasets.push({ ...edge, data: at(3), fill: "-1", backgroundColor: `${hue}30` });
      }
      datasets.push({
        label: curve.series,
        data: at(1),
        spans: curve.points,
        borderColor: hue,
        backgroundColor: hue,
        borderWidth: curve.published ? 1.5 : 2.5,
        borderDash: curve.published ? DASHES[number % DASHES.length] : [],
        pointStyle: curve.published ? POINTS[number % POINTS.length] : "circle",
        pointRadius: curve.published ? 3 : 4,
      });
    }
    const shots = [...new Set(panel.curves.flatMap((curve) => curve.points.map((p) => p[0])))]
      .sort((a, b) => a - b);
    charts.push(new Chart(addCanvas(parent, panel.title), {
      type: "line",
      data: { datasets },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: {
          x: axis("shots", {
            type: "linear",
            afterBuildTicks: (scale) => { scale.ticks = shots.map((value) => ({ value })); },
          }),
          y: axis(panel.axis),
        },
        plugins: {
          legend: {
            position: "bottom",
            labels: {
              color: colour("--text"),
              usePointStyle: true,
              filter: (item, all) => !all.datasets[item.datasetIndex].isBand,
            },
          },
          tooltip: {
            filter: (item) => !item.dataset.isBand,
            callbacks: {
              title: (items) => items.length ? `${items[0].parsed.x} shots` : "",
              label: (item) => {
                const [, value, low, high] = item.dataset.spans[item.dataIndex];
                const [at, from, to] = [value, low, high].map((each) => each.toFixed(panel.digits));
                const span = low === high ? "" : ` (${from} to ${to})`;
                return `${item.dataset.label}: ${at}${span}`;
              },
            },
          },
        },
      },
    }));
  }

  function drawCalibration(shown, parent) {
    const hue = COLOURS[0];
    const bins = shown.bins;
    const most = Math.max(...bins.map((bin) => bin[4]));
    const edge = { borderWidth: 0, pointRadius: 0, isBand: true };
    charts.push(new Chart(addCanvas(parent, shown.title), {
      type: "line",
      data: {
        datasets: [
          { ...edge, data: bins.map((bin) => ({ x: bin[0], y: bin[2] })), fill: false },
          { ...edge, data: bins.map((bin) => ({ x: bin[0], y: bin[3] })), fill: "-1",
            backgroundColor: `${hue}30` },
          { label: shown.says, data: bins.map((bin) => ({ x: bin[0], y: bin[1] })), bins,
            borderColor: hue, backgroundColor: hue, borderWidth: 2,
            pointRadius: bins.map((bin) => 3 + 6 * Math.sqrt(bin[4] / most)) },
          { label: "as often as said", data: [{ x: 0, y: 0 }, { x: 1, y: 1 }],
            borderColor: colour("--faint"), borderDash: [4, 4], borderWidth: 1, pointRadius: 0 },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: {
          x: axis(shown.says, { type: "linear", min: 0, max: 1 }),
          y: axis("came true", { min: 0, max: 1 }),
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => Boolean(item.dataset.bins),
            callbacks: {
              title: () => "",
              label: (item) => {
                const [said, share, , , count] = item.dataset.bins[item.dataIndex];
                return `said ${said.toFixed(2)}, came true ${share.toFixed(2)}, ${count} queries`;
              },
            },
          },
        },
      },
    }));
  }

  function drawAll() {
    for (const chart of charts.splice(0)) chart.destroy();
    const places = [
      ["curve-charts", data.curves.filter((panel) => panel.curves.length), drawCurves],
      ["calibration-charts", data.calibrations, drawCalibration],
    ];
    for (const [id, values, draw] of places) {
      const parent = document.getElementById(id);
      if (parent === null) continue;
      parent.replaceChildren();
      for (const value of values) draw(value, parent);
    }
  }

  drawAll();
  document.addEventListener("theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
});
