"use strict";
// Data come as script files, each one call of evals.receive: a page opened from disk may load
// scripts, and may not fetch.
const evals = (() => {
  const parts = new Map();
  const waiting = new Map();
  const name = (run, part) => `${run}/${part}`;

  function receive(run, part, value) {
    parts.set(name(run, part), value);
  }

  function load(run, part) {
    const key = name(run, part);
    if (parts.has(key)) return Promise.resolve(parts.get(key));
    if (!waiting.has(key)) {
      waiting.set(key, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${encodeURIComponent(run)}/${encodeURIComponent(part)}.js`;
        script.addEventListener("load", () => {
          script.remove();
          waiting.delete(key);
          if (parts.has(key)) resolve(parts.get(key));
          else reject(new Error(`${script.src} holds other data`));
        });
        script.addEventListener("error", () => {
          script.remove();
          waiting.delete(key);
          reject(new Error(`${script.src} cannot be loaded`));
        });
        document.head.append(script);
      }));
    }
    return waiting.get(key);
  }

  function forget(run, part) {
    parts.delete(name(run, part));
  }

  return { receive, load, forget };
})();
