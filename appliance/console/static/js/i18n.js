// Texts of the scripts in the page's language. English is what the source says; the server has the other catalogues.

const language = document.documentElement.lang;
const texts = language === "en" ? {} : await load();
const patterns = Object.entries(texts)
  .filter(([text]) => text.includes("{}"))
  .sort(([one], [other]) => other.length - one.length) // the wordiest first, for they say most of what they stand for
  .map(([text, translation]) => [pattern(text), translation]);

function pattern(text) {
  const parts = text.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.*?)")}$`, "s");
}

async function load() {
  try {
    return await (await fetch(`/messages/${language}.json`)).json();
  } catch {
    return {}; // English is better than nothing
  }
}

/** The text in the page's language; `{name}` is replaced by `values.name`. */
export function _(text, values = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** What another part of the box said, in the page's language as far as it is known; as i18n.py has it. */
export function said(text) {
  if (!text) return "";
  if (Object.hasOwn(texts, text)) return texts[text];
  for (const [pattern, translation] of patterns) {
    const values = pattern.exec(text)?.slice(1);
    if (values) return translation.replaceAll("{}", () => said(values.shift()));
  }
  return text;
}

/** Messages of the box as sentences, one after the other, as frame.py and i18n.py have it. */
export function sentences(...messages) {
  return messages.filter(Boolean).map(sentence).join(language === "zh-CN" ? "" : " ");
}

function sentence(text) {
  const whole = /^[a-z-]+[,;:]* /.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  if (!/[\p{L}\p{N})`'"”’%]$/u.test(whole)) return whole;
  return whole + (/[一-鿿]/.test(whole) ? "。" : ".");
}

/** `one` or `many`, as English counts; other catalogues know only `many`. */
export function _n(one, many, n) {
  return language === "en" && n === 1 ? one : _(many, { n });
}

/** Seconds as 1:02. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** How long something will still take, as the server says it too. */
export function left(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return _n("about a second left", "about {n} seconds left", Math.max(1, Math.round(seconds)));
  return _n("about a minute left", "about {n} minutes left", Math.round(seconds / 60));
}
