import { asProblem } from "@/api/problem";
import { Button } from "./button";

/** What went wrong, what to do, and a way to try again where that may help. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div role="alert" className="rounded-md border border-bad/50 bg-card p-3">
      <p className="font-semibold text-bad">{problem.title}</p>
      {problem.detail && <p>{problem.detail}</p>}
      {problem.errors.length > 0 && (
        <ul className="mt-1 list-disc pl-5">
          {problem.errors.map((each) => (
            <li key={`${each.place ?? each.pointer ?? ""} ${each.detail ?? ""}`}>
              {(each.place ?? each.pointer) && <code className="font-mono text-xs">{each.place ?? each.pointer}</code>}{" "}
              {each.detail} {each.remedy}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <Button className="mt-2" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
