// Runs before everything else, in the page itself (early_plugin.ts): the page gets its colours before it is painted, and what the first
// page shows is asked for while its script still comes. `api/asked_early.ts` takes the answers.
{
  const kept = localStorage.getItem("stretto.theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = kept === "light" || kept === "dark" ? kept : system;
  const key = sessionStorage.getItem("stretto.key");
  const headers: Record<string, string> = {
    accept: "application/json",
    ...(key ? { authorization: `Bearer ${key}` } : {}),
  };
  const asked = new Map<string, Promise<Response>>();
  const ask = (path: string) => {
    const answer = fetch(path, { headers });
    answer.catch(() => undefined); // whoever takes it is told
    asked.set(path, answer);
  };
  ask("/v1/me");
  if (window.location.pathname === "/") {
    ask("/v1/runs?limit=100");
    if (!localStorage.getItem("stretto.ran")) ask("/v1/examples"); // they are offered where nothing has run
  }
  (window as { askedEarly?: typeof asked }).askedEarly = asked;
}
