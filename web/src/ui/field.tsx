import { clsx } from "clsx";
import { type ComponentProps, type ReactNode, useId } from "react";

const INPUT =
  "rounded-md border bg-ground px-2.5 py-1.5 text-ink placeholder:text-soft aria-invalid:border-bad disabled:opacity-60";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={clsx(INPUT, className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={clsx(INPUT, "min-h-20 font-mono text-[13px]", className)} {...rest} />;
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={clsx(INPUT, "w-auto pr-7", className)} {...rest} />;
}

/** A field with its label, what it is for, and what is wrong with it. The child gets the id by a function. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  children: (props: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1 [&>input]:w-full [&>select]:w-full [&>textarea]:w-full">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      {children({ id, "aria-describedby": `${id}-about`, "aria-invalid": Boolean(error) })}
      <p id={`${id}-about`} className={clsx("text-xs", error ? "text-bad" : "text-soft")}>
        {error || hint}
      </p>
    </div>
  );
}
