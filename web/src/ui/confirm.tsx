import type { ReactNode } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";

/** Asks before something that cannot be taken back. */
export function Confirm({
  title,
  children,
  act,
  busy = false,
  onYes,
  onClose,
}: {
  title: string;
  children: ReactNode;
  /** What the button says: `Revoke the key`. */
  act: string;
  busy?: boolean;
  onYes: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog open onClose={onClose} title={title}>
      <div className="flex flex-col gap-4">
        <div>{children}</div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" disabled={busy} onClick={onYes}>
            {act}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
