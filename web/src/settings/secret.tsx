import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { sayProblem } from "@/ui/toasts";

/** A secret that is shown now and never again. Only its button closes it, so that no slip of the hand loses it. */
export function Secret({
  title,
  secret,
  about,
  onClose,
}: {
  title: string;
  secret: string;
  about: string;
  onClose: () => void;
}) {
  const [asked, setAsked] = useState(false);
  const [copied, setCopied] = useState(false);
  return (
    <Dialog open onClose={() => (copied ? onClose() : setAsked(true))} title={title}>
      <div className="flex flex-col gap-3">
        <p>{about}</p>
        <div className="flex flex-wrap items-center gap-2 rounded-md border bg-note p-3">
          <code className="min-w-0 flex-1 font-mono text-[13px] break-all select-all">{secret}</code>
          <CopyButton text={secret} onCopied={() => setCopied(true)} />
        </div>
        <p className="font-medium">It is shown only now. Keep it in a safe place.</p>
        <div className="flex flex-wrap items-center justify-end gap-2">
          {asked && !copied && <span className="text-busy">Did you keep it? It cannot be seen again.</span>}
          <Button look="main" onClick={onClose}>
            I have kept it
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** Puts a text into the clipboard, and says that it did. */
export function CopyButton({ text, onCopied }: { text: string; onCopied?: () => void }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      onCopied?.();
    } catch {
      sayProblem(new Error("This browser does not let the page copy. Select the text and copy it yourself."));
    }
  };
  return (
    <Button onClick={() => void copy()}>
      {done ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      <span aria-live="polite">{done ? "Copied" : "Copy"}</span>
    </Button>
  );
}
