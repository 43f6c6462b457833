import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { api, body, type Schemas } from "@/api/client";
import { Answers } from "@/shell/answers";
import { useMay } from "@/shell/me";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { sayProblem } from "@/ui/toasts";
import { examplesQuery } from "./runs_query";

type Example = Schemas["ExampleShown"];

/** What is offered when nothing has run yet: flows to try with one click, and what will answer them. */
export default function FirstStart() {
  const may = useMay("runs:start");
  const mayWrite = useMay("flows:write");
  const examples = useQuery(examplesQuery);
  return (
    <div className="mx-auto max-w-4xl">
      <p className="font-title text-xl italic">
        Nothing has run yet. {may ? "Try one of these:" : "Whoever may start runs can try these:"}
      </p>
      <div className="my-3 text-soft">
        <Answers />
      </div>
      {examples.isError && <Failure error={examples.error} retry={() => void examples.refetch()} />}
      <ul className="grid gap-3 sm:grid-cols-2">
        {examples.data?.examples.map((example) => (
          <ExampleCard key={example.name} example={example} />
        ))}
      </ul>
      {mayWrite && (
        <p className="mt-4 text-soft">
          Or write{" "}
          <Link to="/flows" className="text-accent underline">
            a flow of your own
          </Link>
          .
        </p>
      )}
    </div>
  );
}

function ExampleCard({ example }: { example: Example }) {
  const may = useMay("runs:start");
  const navigate = useNavigate();
  const start = useMutation({
    mutationFn: () => body(api.POST("/v1/runs", { body: { flow: example.document, input: example.input } })),
    onSuccess: (run) => void navigate({ to: "/runs/$runId", params: { runId: run.id } }),
    onError: sayProblem,
  });
  return (
    <li className="flex flex-col gap-2 rounded-lg border bg-card p-4">
      <h2>{example.title}</h2>
      <p className="flex-1 text-soft">{example.shows}</p>
      {may && (
        <Button
          look="main"
          className="self-start"
          disabled={start.isPending}
          aria-label={`Run ${example.title}`}
          onClick={() => start.mutate()}
        >
          Run it
        </Button>
      )}
    </li>
  );
}
