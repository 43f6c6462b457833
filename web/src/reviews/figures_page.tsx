import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import type { Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { count, duration, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Input, Select } from "@/ui/field";
import { PageHead, Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { Calibration } from "./calibration";
import { figuresQuery } from "./data";
import { nameOf } from "./marks";
import { percent } from "./review_list";
import { type NewThreshold, Thresholds } from "./thresholds";

type Figures = Schemas["FiguresShown"];

/** How the inbox does: waiting times, who decides, how far judges can be believed, and thresholds that would do. */
export default function FiguresPage() {
  const [days, setDays] = useState(30);
  const [error, setError] = useState(5);
  const asked = useDeferredValue(error);
  const found = useQuery(figuresQuery({ days, target_error: asked / 100 }));
  const mayPolicies = useMay("policies:read");
  const [draft, setDraft] = useState<NewThreshold | null>(null);
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-4">
      <PageHead
        title="Figures of reviews"
        actions={
          <>
            <Link to="/reviews" className="text-accent underline">
              To the inbox
            </Link>
            <Select
              aria-label="Of how many days"
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
            >
              {[1, 7, 30, 90, 365].map((each) => (
                <option key={each} value={each}>
                  {each === 1 ? "1 day" : `${each} days`}
                </option>
              ))}
            </Select>
          </>
        }
      />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <>
          <Tiles figures={found.data} />
          <Deciders figures={found.data} />
          <Overturned figures={found.data} />
          <Suggested figures={found.data} error={error} onError={setError} onUse={setDraft} />
          {mayPolicies && <Calibrations figures={found.data} />}
        </>
      )}
      {mayPolicies && <Thresholds draft={draft} onDraft={setDraft} />}
    </div>
  );
}

function Tiles({ figures: { waiting, decided } }: { figures: Figures }) {
  const time = (seconds: number | null) => (seconds === null ? "–" : duration(seconds * 1000));
  const share = decided.share_by_people;
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Tile name="Waiting now" value={count(waiting.open)}>
        {waiting.sensitive} sensitive, {waiting.mandatory} mandatory, {waiting.escalated} escalated
        {waiting.oldest_at && (
          <>
            ; the oldest came <Time at={waiting.oldest_at} relative />
          </>
        )}
      </Tile>
      <Tile name="Decided" value={count(decided.all)}>
        {decided.approved} approved, {decided.rejected} rejected, {decided.changes} sent back
      </Tile>
      <Tile name="Waited" value={time(decided.wait_p50_s)}>
        half of them; 19 of 20 at most {time(decided.wait_p95_s)}
      </Tile>
      <Tile name="Decided by people" value={share === null ? "–" : percent(share)}>
        {decided.by_person} one by one, {decided.by_bulk} together, {decided.by_deadline} by time
      </Tile>
    </dl>
  );
}

function Tile({ name, value, children }: { name: string; value: string; children: React.ReactNode }) {
  return (
    <div className="flex flex-col rounded-lg border bg-card px-4 py-3">
      <dt className="text-soft">{name}</dt>
      <dd className="order-first font-title text-2xl font-semibold tabular-nums">{value}</dd>
      <dd className="mt-1 text-xs text-soft">{children}</dd>
    </div>
  );
}

function Deciders({ figures }: { figures: Figures }) {
  if (figures.deciders.length === 0) return null;
  return (
    <Panel title="Who decided" flush>
      <Table
        caption="Who decided"
        heads={["Who", "All", "Approved", "Rejected", "Sent back"]}
        rows={figures.deciders.map((each) => ({
          key: each.by,
          cells: [
            each.by === "deadline" ? "time" : nameOf(each.by),
            count(each.all),
            count(each.approved),
            count(each.rejected),
            count(each.changes),
          ],
        }))}
      />
    </Panel>
  );
}

function Overturned({ figures }: { figures: Figures }) {
  return (
    <Panel title="How often people decided otherwise than the judge leaned" flush>
      {figures.overturned.length === 0 ? (
        <p className="p-4 text-soft">
          People have decided nothing one by one that a judge had scored. A policy’s `sample` sends some passes to them.
        </p>
      ) : (
        <Table
          caption="Overturned"
          left={2}
          heads={["Judge", "Topic", "Decided", "Overturned", "Share"]}
          rows={figures.overturned.map((each) => ({
            key: JSON.stringify([each.judge, each.topic]),
            cells: [
              each.judge,
              each.topic ?? <span className="text-soft">all</span>,
              count(each.decided),
              count(each.overturned),
              percent(each.rate),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function Suggested({
  figures,
  error,
  onError,
  onUse,
}: {
  figures: Figures;
  error: number;
  onError: (error: number) => void;
  onUse: (draft: NewThreshold) => void;
}) {
  const may = useMay("policies:write");
  return (
    <Panel
      title="Thresholds that would do"
      flush
      actions={
        <label className="flex items-center gap-2">
          <span>with at most</span>
          <Input
            type="range"
            min={1}
            max={25}
            className="w-32 accent-accent"
            aria-valuetext={`${error} percent wrong`}
            value={error}
            onChange={(event) => onError(Number(event.target.value))}
          />
          <output className="w-20 tabular-nums">{error} % wrong</output>
        </label>
      }
    >
      <p className="px-4 pt-3 text-xs text-soft">
        By what people decided one by one, from 50 decisions on; for the confidence as it counts in the flow:
        calibrated, where the judge is.
      </p>
      {figures.suggested.length === 0 ? (
        <p className="p-4 text-soft">No judge’s score was decided on yet.</p>
      ) : (
        <Table
          caption="Suggested thresholds"
          left={3}
          heads={["Flow", "Judge", "Kind of content", "Decisions", "Passes from", "Rejects below", ""]}
          rows={figures.suggested.map((each) => ({
            key: JSON.stringify([each.flow, each.judge, each.content_type]),
            cells: [
              each.flow,
              each.judge,
              each.content_type || <span className="text-soft">none named</span>,
              count(each.decisions),
              each.approve?.toFixed(2) ?? "none would",
              each.reject?.toFixed(2) ?? "none would",
              may && (each.approve !== null || each.reject !== null) && (
                <Button key="use" onClick={() => onUse(drafted(each))}>
                  Use…
                </Button>
              ),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function drafted(found: Figures["suggested"][number]): NewThreshold {
  const { flow, content_type, approve, reject } = found;
  const crossed = approve !== null && reject !== null && reject > approve;
  return { flow, policy: "", content_type, approve, reject: crossed ? approve : reject };
}

function Calibrations({ figures }: { figures: Figures }) {
  const judges = [...new Set([...figures.overturned, ...figures.suggested].map((each) => each.judge))].sort();
  const [chosen, setChosen] = useState("");
  const [flow, setFlow] = useState("");
  const judge = judges.includes(chosen) ? chosen : judges[0];
  return (
    <Panel
      title="How far a judge can be believed"
      actions={
        judge && (
          <>
            <Select aria-label="Judge" value={judge} onChange={(event) => setChosen(event.target.value)}>
              {judges.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
            <Input
              aria-label="Flow"
              placeholder="all flows"
              className="w-36"
              maxLength={100}
              value={flow}
              onChange={(event) => setFlow(event.target.value)}
            />
          </>
        )
      }
    >
      {judge ? (
        <Calibration judge={judge} flow={flow.trim()} />
      ) : (
        <p className="text-soft">No judge’s score was decided on by a person in these days.</p>
      )}
    </Panel>
  );
}
