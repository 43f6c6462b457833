/** A `ref` for what is to be typed in or chosen first: it is always the same function, so that it takes the focus once. */
export function focusFirst(element: HTMLElement | null): void {
  element?.focus();
}
