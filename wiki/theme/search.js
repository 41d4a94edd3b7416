// Searches the wiki in the browser. GPL-3.0-or-later. The files it reads are
// described in wiki/shards.go; words are parted as in wiki/terms.go.
(async () => {
  const $ = id => document.getElementById(id), form = $("search");
  if (!form) return;
  const base = form.dataset.base, input = $("q"), found = $("found"), hits = $("hits"), more = $("more");
  const files = new Map();
  const get = name => {
    if (!files.has(name)) files.set(name, fetch(base + "/search/" + name).then(r => {
      if (r.ok) return r.text();
      if (r.status == 404) return "";
      throw r.status;
    }).catch(e => { files.delete(name); throw e; }));
    return files.get(name);
  };
  const scripts = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}]", cjk = RegExp("[" + scripts, "u");
  const pairs = RegExp("[" + scripts + "+|[^" + scripts + "+", "gu");
  const words = text => {
    const out = [];
    text = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/ς/g, "σ");
    for (const run of text.match(/[\p{L}\p{N}]+/gu) || [])
      for (const part of run.match(pairs)) {
        const c = [...part];
        if (!part.match(cjk)) { if (c.length > 1) out.push(c.slice(0, 40).join("")); }
        else if (c.length == 1) out.push(part);
        else for (let i = 1; i < c.length; i++) out.push(c[i - 1] + c[i]);
      }
    return [...new Set(out)].slice(0, 8);
  };
  const shard = (word, n) => [...word].slice(0, n).map(c => c < "\x80" ? c : "-" + c.codePointAt(0).toString(16) + "-").join("");
  // lookup gives each page that has the word, or a longer one, its points.
  const lookup = async (word, shape) => {
    const points = new Map(), long = [...word].length >= Math.max(shape.letters, 2);
    for (const line of (await get("t/" + shard(word, shape.letters) + ".txt")).split("\n")) {
      const at = line.indexOf(" "), w = line.slice(0, at);
      if (at < 0 || w != word && !(long && w.startsWith(word))) continue;
      const part = w == word ? 1 : .5 * word.length / w.length;
      for (let i = at + 1; i < line.length; i += 7) {
        const id = line.slice(i, i + 6), p = part * (line.charCodeAt(i + 6) - 48);
        points.set(id, Math.max(points.get(id) || 0, p));
      }
    }
    const rare = Math.log(1 + shape.pages / (points.size || 1));
    for (const [id, p] of points) points.set(id, rare * p / (p + 2));
    return points;
  };
  const failed = () => { found.textContent = "The index could not be loaded. Try again when you are online."; };
  let turn = 0, list = [], shown = 0;
  const show = async () => {
    const mine = turn, shape = JSON.parse(await get("index.json")), next = list.slice(shown, shown + 10), items = [];
    for (const id of next) {
      const rows = JSON.parse(await get("d/" + (id.slice(0, shape.ids) || "all") + ".json") || "{}")[id] || [];
      for (const [title, url, summary] of rows) {
        const li = document.createElement("li"), a = document.createElement("a"), p = document.createElement("p");
        a.href = url; a.textContent = title; p.textContent = summary;
        li.append(a, p); items.push(li);
      }
    }
    if (mine != turn) return;
    hits.append(...items);
    shown += next.length;
    more.hidden = shown >= list.length;
  };
  const search = async () => {
    const mine = ++turn, query = input.value.trim(), look = words(query);
    history.replaceState(null, "", query ? "?q=" + encodeURIComponent(query) : location.pathname);
    try {
      const shape = JSON.parse(await get("index.json"));
      const each = await Promise.all(look.map(w => lookup(w, shape)));
      if (mine != turn) return;
      const sum = new Map(), count = new Map();
      for (const points of each) for (const [id, p] of points) {
        sum.set(id, (sum.get(id) || 0) + p); count.set(id, (count.get(id) || 0) + 1);
      }
      const all = [...sum.keys()].filter(id => count.get(id) == look.length);
      list = (all.length ? all : [...sum.keys()]).sort((a, b) => sum.get(b) - sum.get(a) || (a < b ? -1 : 1));
      const n = list.length;
      found.textContent = !look.length ? "" : !n ? "No page has these words." :
        (all.length ? "" : "No page has all of these words. ") + (n == 1 ? "1 page" : n + " pages");
      hits.replaceChildren(); shown = 0; more.hidden = true;
      await show();
    } catch (e) { if (mine == turn) failed(); }
  };
  let timer;
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 150); });
  form.addEventListener("submit", e => { e.preventDefault(); clearTimeout(timer); search(); });
  more.addEventListener("click", () => show().catch(failed));
  form.hidden = false;
  input.value = new URLSearchParams(location.search).get("q") || "";
  if (input.value) search();
})();
