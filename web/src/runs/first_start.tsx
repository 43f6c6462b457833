import { Empty } from "@/ui/panel";

/** What is offered when nothing has run yet. */
export default function FirstStart() {
  return <Empty title="Nothing has run yet." />;
}
