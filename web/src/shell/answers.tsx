import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { deploymentsQuery } from "./deployments";
import { useMay } from "./me";

const DOTS = { simulated: "bg-busy", ollama: "bg-good", provider: "bg-good" };
const PLAIN = {
  simulated: "Simulated: no model answers",
  ollama: "Ollama answers, on this machine",
  provider: "Models of providers answer",
};

/** Says what answers model calls; that nothing real does, plainly. */
export function Answers() {
  const may = useMay("limits:read");
  const { data } = useQuery({ ...deploymentsQuery, enabled: may });
  if (!data) return null;
  return (
    <Link
      to="/settings"
      search={{ tab: "models" } as never}
      title={data.answers}
      className="flex items-start gap-2 hover:text-ink"
    >
      <span className={clsx("mt-1 size-2 shrink-0 rounded-full", DOTS[data.kind])} aria-hidden />
      {PLAIN[data.kind]}
    </Link>
  );
}
