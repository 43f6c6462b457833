import { useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { count } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Badge } from "@/ui/status";
import { percent } from "./review_list";

type Report = Schemas["CalibrationShown"];
const SIZE = 300;
const EDGE = 46;
const PLOT = SIZE - EDGE - 10;
const x = (share: number) => EDGE + share * PLOT;
const y = (share: number) => 10 + (1 - share) * PLOT;

/** How far a judge can be believed: what it stated against what people approved. */
export function Calibration({ judge, flow }: { judge: string; flow: string }) {
  const found = useQuery({
    queryKey: ["reviews", "calibration", judge, flow],
    queryFn: () => body(api.GET("/v1/calibration", { params: { query: { judge, ...(flow ? { flow } : {}) } } })),
    staleTime: 30_000,
  });
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <p className="text-soft">Loading…</p>;
  const report = found.data;
  if (report.decisions === 0) {
    return <p className="text-soft">People have decided nothing yet that {judge} had scored.</p>;
  }
  return (
    <div className="flex flex-wrap items-start gap-6">
      <Diagram report={report} judge={judge} />
      <div className="flex min-w-52 flex-1 flex-col gap-3">
        <p className="flex flex-wrap items-center gap-2">
          {report.calibrated ? <Badge tone="good">calibrated</Badge> : <Badge>not calibrated yet</Badge>}
          <span>
            {count(report.decisions)} decisions, {percent(report.approved / report.decisions)} approved
          </span>
        </p>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4">
          <dt className="text-soft">Expected calibration error</dt>
          <dd className="tabular-nums">{points(report.error)}</dd>
          <dt className="text-soft">after calibration</dt>
          <dd className="tabular-nums">{points(report.error_after)}</dd>
        </dl>
        <Bins report={report} />
      </div>
    </div>
  );
}

function points(error: number | null): string {
  return error === null ? "cannot be said yet" : `${(error * 100).toFixed(1)} points`;
}

/** Bars of what people approved, by what was stated; on the dashed line the judge would be right. */
function Diagram({ report, judge }: { report: Report; judge: string }) {
  const most = Math.max(1, ...report.bins.map((bin) => bin.count));
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <svg
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label={`Reliability diagram of ${judge}. The table beside it has the same figures.`}
      className="w-full max-w-80 shrink-0 text-[10px] tabular-nums"
    >
      {ticks.map((tick) => (
        <g key={tick} className="fill-soft">
          <line x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} className="stroke-line" />
          <text x={EDGE - 5} y={y(tick) + 3} textAnchor="end">
            {tick}
          </text>
          <text x={x(tick)} y={y(0) + 14} textAnchor="middle">
            {tick}
          </text>
        </g>
      ))}
      {report.bins
        .filter((bin) => bin.count > 0)
        .map((bin) => (
          <g key={bin.low}>
            <rect
              x={x(bin.low) + 1}
              width={Math.max(1, x(bin.high) - x(bin.low) - 2)}
              y={y(bin.approved)}
              height={Math.max(1, y(0) - y(bin.approved))}
              className="fill-accent"
              opacity={0.3 + 0.6 * Math.sqrt(bin.count / most)}
            />
            <line
              x1={x(bin.stated)}
              x2={x(bin.stated)}
              y1={y(bin.approved)}
              y2={y(bin.stated)}
              className="stroke-bad"
              strokeWidth={2}
            />
            <circle cx={x(bin.stated)} cy={y(bin.approved)} r={3} className="fill-bad" />
          </g>
        ))}
      <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className="stroke-ink" strokeDasharray="4 4" />
      <text x={x(0.5)} y={y(0) + 30} textAnchor="middle" className="fill-ink">
        confidence as stated
      </text>
      <text transform={`translate(9 ${y(0.5)}) rotate(-90)`} textAnchor="middle" className="fill-ink">
        share that people approved
      </text>
    </svg>
  );
}

function Bins({ report }: { report: Report }) {
  return (
    <table className="w-full text-xs tabular-nums [overflow-wrap:normal]">
      <caption className="sr-only">Decisions by the confidence that was stated</caption>
      <thead className="text-left text-soft">
        <tr>
          {["Confidence", "Decisions", "Stated", "Approved"].map((head, index) => (
            <th key={head} scope="col" className={`py-1 font-medium ${index > 0 ? "text-right" : ""}`}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {report.bins
          .filter((bin) => bin.count > 0)
          .map((bin) => (
            <tr key={bin.low} className="border-t">
              <th scope="row" className="py-1 text-left font-normal">
                {bin.low.toFixed(1)} to {bin.high.toFixed(1)}
              </th>
              <td className="text-right">{count(bin.count)}</td>
              <td className="text-right">{percent(bin.stated)}</td>
              <td className="text-right">{percent(bin.approved)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
