import type { ScoreStore } from "@/score/store";
import { Empty } from "@/ui/panel";

interface Props {
  store: ScoreStore;
  runId: string;
  chosen: string | null;
  onChoose: (path: string) => void;
}

/** The flow's graph with the states of this run. */
export function GraphSheet(_: Props) {
  return <Empty title="No graph yet." />;
}
