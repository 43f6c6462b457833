/** Says what answers model calls; filled in by `/v1/deployments`. */
export function Answers() {
  return null;
}
