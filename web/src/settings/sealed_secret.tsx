import type { ReactNode } from "react";
import { Field, Input } from "@/ui/field";

/** A field for a secret that the server seals: it is written here, and never read back. */
export function SealedSecret({
  hint,
  least,
  most,
  value,
  onChange,
}: {
  hint: ReactNode;
  /** How many characters it has at least and at most. */
  least: number;
  most: number;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Field label="Secret" hint={hint}>
      {(props) => (
        <Input
          {...props}
          type="password"
          required
          minLength={least}
          maxLength={most}
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
