// Applications add their sections here: `addSection({id, label, icon, permission, pages})` of `shell/pages.ts`.
import { MessageSquareQuote } from "lucide-react";
import { addSection } from "@/shell/pages";

addSection({
  id: "reviewapp",
  label: "Review engine",
  icon: MessageSquareQuote,
  permission: "apps:read",
  app: "reviews",
  pages: [
    { path: "/apps/reviews", load: () => import("@/reviewapp/overview_page") },
    { path: "/apps/reviews/map", load: () => import("@/reviewapp/map_page") },
    { path: "/apps/reviews/ask", load: () => import("@/reviewapp/ask_page") },
    { path: "/apps/reviews/reviews", load: () => import("@/reviewapp/list_page") },
    { path: "/apps/reviews/aside", load: () => import("@/reviewapp/aside_page") },
    { path: "/apps/reviews/customers", load: () => import("@/reviewapp/customers_page") },
  ],
});
