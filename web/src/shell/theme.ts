export type Theme = "light" | "dark" | "system";
const KEY = "stretto.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function chooseTheme(next: Theme): void {
  if (next === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  applyTheme();
}

/** Puts the page into its colours; they follow the system where nobody chose. */
export function applyTheme(): void {
  const chosen = theme();
  document.documentElement.dataset.theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
}

dark.addEventListener("change", applyTheme);

/** Tells when the page gets other colours, for what is painted and not styled. Gives what ends that. */
export function onTheme(changed: () => void): () => void {
  const watched = new MutationObserver(changed);
  watched.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => watched.disconnect();
}
