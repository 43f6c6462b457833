import { PageHead } from "@/ui/panel";

export default function Page() {
  return <PageHead title="Soon" />;
}
