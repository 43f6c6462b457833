import type { ScoreStore } from "@/score/store";
import { count, duration } from "@/ui/amounts";

/** The nodes of the graph that a step hosts: how often each worked, how long in all, and what went wrong last. */
export function NodeList({ store, step }: { store: ScoreStore; step: string }) {
  const { nodes } = store.score;
  const sums = nodes.of(step, store.latest);
  const after = nodes.passedOver.get(step);
  if (sums.length === 0) return null;
  return (
    <section aria-label="Nodes" className="rounded-md border px-3 py-2">
      <h3 className="pb-1 font-medium">Nodes ({sums.length})</h3>
      <div className="max-h-80 overflow-auto" role="region" aria-label="Nodes of the graph" tabIndex={0}>
        <table className="w-full text-xs">
          <thead className="text-left text-soft">
            <tr>
              <th className="pr-3 font-medium">node</th>
              <th className="w-12 pr-3 text-right font-medium">times</th>
              <th className="text-right font-medium">in all</th>
            </tr>
          </thead>
          <tbody>
            {sums.map((node) => (
              <tr key={node.name} className="border-t align-top">
                <td className="py-1 pr-3">
                  <span className="font-mono wrap-anywhere">{node.name}</span>
                  {node.error && <p className="text-bad wrap-anywhere">{node.error}</p>}
                </td>
                <td className="py-1 pr-3 text-right tabular-nums">{count(node.times)}</td>
                <td className="py-1 text-right whitespace-nowrap tabular-nums">
                  {node.working > 0 ? (
                    <span className="text-accent">at work</span>
                  ) : node.asking > 0 ? (
                    <span className="text-busy">asks a person</span>
                  ) : (
                    duration(node.tookMs)
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {after !== undefined && (
        <p className="pt-1 text-xs text-soft">
          The first {count(after)} nodes of an attempt are told of one by one; of the others only failures.
        </p>
      )}
    </section>
  );
}
