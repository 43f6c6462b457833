import { useQuery } from "@tanstack/react-query";
import { Button } from "@/ui/button";
import { Empty } from "@/ui/panel";
import { figuresQuery, midnight } from "./data";
import { nameOf } from "./marks";

/** Nothing waits: what was decided today, and by whom. */
export function Today({ onDecided }: { onDecided: () => void }) {
  const { data } = useQuery(figuresQuery({ since: midnight() }));
  const decided = data?.decided;
  return (
    <Empty title="Nothing waits for you.">
      {decided && decided.all === 0 && <p>Nothing was decided today.</p>}
      {decided && decided.all > 0 && (
        <>
          <p>
            Decided today: <b className="text-ink">{decided.all}</b>. Approved {decided.approved}, rejected{" "}
            {decided.rejected}, sent back {decided.changes}.
            {decided.by_deadline > 0 && ` Time decided ${decided.by_deadline} of them.`}
          </p>
          <table className="mt-2 text-left">
            <caption className="sr-only">Who decided today</caption>
            <thead className="text-xs">
              <tr>
                {["Who", "Approved", "Rejected", "Sent back"].map((head, index) => (
                  <th key={head} scope="col" className={`px-3 py-1 ${index > 0 ? "text-right" : ""}`}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="text-ink tabular-nums">
              {data.deciders.map((each) => (
                <tr key={each.by} className="border-t">
                  <th scope="row" className="px-3 py-1 font-medium">
                    {each.by === "deadline" ? "time" : nameOf(each.by)}
                  </th>
                  <td className="px-3 text-right">{each.approved}</td>
                  <td className="px-3 text-right">{each.rejected}</td>
                  <td className="px-3 text-right">{each.changes}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Button className="mt-2" onClick={onDecided}>
            See what was decided
          </Button>
        </>
      )}
    </Empty>
  );
}
