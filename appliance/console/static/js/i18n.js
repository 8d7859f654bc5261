// Texts of the scripts in the page's language. English is what the source says; the server has the other catalogues.

const language = document.documentElement.lang;
const texts = language === "en" ? {} : await load();

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
