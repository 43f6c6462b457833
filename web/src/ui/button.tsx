import { clsx } from "clsx";
import type { ComponentProps } from "react";

const LOOKS = {
  plain: "border bg-card hover:bg-sunk",
  main: "border border-transparent bg-accent text-on-accent hover:opacity-90",
  quiet: "border border-transparent hover:bg-sunk",
  danger: "border border-bad text-bad bg-card hover:bg-bad hover:text-card",
};

export interface ButtonProps extends ComponentProps<"button"> {
  look?: keyof typeof LOOKS;
  /** A square one for an icon: give it an `aria-label`. */
  square?: boolean;
}

export function Button({ look = "plain", square = false, className, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={clsx(
        "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none disabled:opacity-50",
        square ? "size-8" : "px-3",
        LOOKS[look],
        className,
      )}
      {...rest}
    />
  );
}
