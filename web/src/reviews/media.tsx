import { ExternalLink, Eye } from "lucide-react";
import { useState } from "react";
import { Button } from "@/ui/button";
import type { Media } from "./content";

const KINDS = { image: "picture", video: "video", audio: "sound", other: "file" };

/** Pictures, videos and sounds. None is loaded before somebody says so: models choose the addresses, and whose they are sees who looks. */
export function MediaList({ media }: { media: readonly Media[] }) {
  return (
    <ul className="flex flex-col gap-3">
      {media.map((each) => (
        <li key={each.url}>
          <One media={each} />
        </li>
      ))}
    </ul>
  );
}

function One({ media }: { media: Media }) {
  const [state, setState] = useState<"asked" | "shown" | "failed">("asked");
  const kind = KINDS[media.kind];
  return (
    <div className="flex flex-col items-start gap-2">
      {state === "shown" && <Shown media={media} onFail={() => setState("failed")} />}
      {state === "failed" && (
        <p role="alert" className="text-bad">
          The {kind} could not be loaded{media.host && ` from ${media.host}`}. Open it in a tab of its own.
        </p>
      )}
      <div className="flex max-w-full flex-wrap items-center gap-2">
        {state !== "shown" && media.shows && (
          <Button onClick={() => setState("shown")}>
            <Eye size={14} aria-hidden />
            {media.host ? `Load the ${kind} from ${media.host}` : `Show the ${kind} that the content holds`}
          </Button>
        )}
        {media.host && (
          <a
            href={media.url}
            target="_blank"
            rel="noopener noreferrer"
            className="inline-flex max-w-full items-center gap-1 text-accent underline"
          >
            <ExternalLink size={14} aria-hidden className="shrink-0" />
            <span className="truncate">{media.url}</span>
          </a>
        )}
        {media.host && !media.shows && media.kind !== "other" && (
          <span className="text-xs text-soft">It comes unencrypted, so it is not shown here.</span>
        )}
      </div>
    </div>
  );
}

function Shown({ media, onFail }: { media: Media; onFail: () => void }) {
  const look = "max-h-[60dvh] max-w-full rounded-md border bg-sunk";
  if (media.kind === "image") {
    return (
      <img
        src={media.url}
        alt="What the content names"
        referrerPolicy="no-referrer"
        className={look}
        onError={onFail}
      />
    );
  }
  if (media.kind === "video") {
    return (
      // biome-ignore lint/a11y/useMediaCaption: what is reviewed comes as it is
      <video src={media.url} controls className={look} onError={onFail} aria-label="What the content names" />
    );
  }
  return (
    // biome-ignore lint/a11y/useMediaCaption: what is reviewed comes as it is
    <audio src={media.url} controls className="max-w-full" onError={onFail} aria-label="What the content names" />
  );
}
