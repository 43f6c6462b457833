import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { clsx } from "clsx";
import { CircleUser, Moon, Sun } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { keepAccessKey } from "@/api/access";
import { api } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Select } from "@/ui/field";
import { Toasts } from "@/ui/toasts";
import { Answers } from "./answers";
import { LoginPage } from "./login";
import { accountQuery, useTenants } from "./me";
import { allSections } from "./pages";
import { applyTheme, chooseTheme } from "./theme";

/** What stands around every page: the navigation, who asks, what answers model calls. */
export function Frame() {
  const account = useQuery(accountQuery);
  const [told, setTold] = useState(false); // on narrow screens only
  if (account.isPending) return <p className="p-6 text-soft">Loading…</p>;
  if (account.isError) {
    const problem = asProblem(account.error);
    const retry = () => void account.refetch();
    if (problem.status === 401) return <LoginPage problem={problem} retry={retry} />;
    return (
      <main className="mx-auto max-w-lg p-6">
        <Failure error={problem} retry={retry} />
      </main>
    );
  }
  const { me } = account.data;
  const sections = allSections().filter(
    (section) =>
      me.permissions.some((each) => each === section.permission) &&
      (section.app === undefined || me.apps.includes(section.app)),
  );
  return (
    <div className="flex min-h-dvh flex-col md:flex-row">
      <a href="#page" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-card focus:p-2">
        Go to the page
      </a>
      <header className="sticky top-0 z-30 flex flex-col border-b bg-card md:h-dvh md:w-48 md:shrink-0 md:border-r md:border-b-0">
        <div className="flex items-center justify-between px-4 pt-3 md:pb-3">
          <Link to="/" className="font-title text-xl font-semibold italic">
            Stretto
          </Link>
          <span className="flex">
            <ThemeButton />
            <Button
              look="quiet"
              square
              className="md:hidden"
              aria-label="Who asks, and who answers"
              aria-expanded={told}
              aria-controls="about-you"
              onClick={() => setTold(!told)}
            >
              <CircleUser size={16} aria-hidden />
            </Button>
          </span>
        </div>
        <nav aria-label="Pages" className="flex gap-1 overflow-x-auto p-2 md:flex-1 md:flex-col">
          {sections.map((section) => (
            <SectionLink key={section.id} section={section} />
          ))}
        </nav>
        <div
          id="about-you"
          className={clsx("flex-col gap-2 border-t p-4 text-xs text-soft md:flex", told ? "flex" : "hidden")}
        >
          <Answers />
          <Who />
        </div>
      </header>
      <main id="page" tabIndex={-1} className="min-w-0 flex-1 p-3 outline-none md:p-6">
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}

function SectionLink({ section }: { section: ReturnType<typeof allSections>[number] }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const first = section.pages[0]?.path ?? "/";
  const here = first === "/" ? path === "/" || path.startsWith("/runs") : path.startsWith(first);
  const Icon = section.icon;
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (here) link.current?.scrollIntoView({ block: "nearest", inline: "nearest" }); // on narrow screens they stand in a row
  }, [here]);
  return (
    <Link
      ref={link}
      to={first}
      aria-current={here ? "page" : undefined}
      className={clsx(
        "flex items-center gap-2 rounded-md px-3 py-1.5 font-medium whitespace-nowrap",
        here ? "bg-sunk text-ink" : "text-soft hover:bg-sunk hover:text-ink",
      )}
    >
      <Icon size={16} aria-hidden />
      {section.label}
    </Link>
  );
}

function Who() {
  const { data } = useQuery(accountQuery);
  if (!data) return null;
  const leave = async () => {
    keepAccessKey(null);
    if (data.session) await api.POST("/auth/logout");
    window.location.assign("/");
  };
  return (
    <div>
      <p>
        <span className="text-ink">{data.session?.name || data.me.by}</span> · {data.me.role} of {data.me.tenant.name}
      </p>
      {data.me.via === "session" && <Tenants current={data.me.tenant.name} />}
      {data.me.via !== "local" && (
        <Button look="quiet" className="mt-1 -ml-3 text-xs" onClick={() => void leave()}>
          Log out
        </Button>
      )}
    </div>
  );
}

/** The tenants of a person who is a member of several. */
function Tenants({ current }: { current: string }) {
  const tenants = useTenants();
  if (tenants.length < 2) return null;
  // A session is of one tenant: another one means to log in there, which the identity provider does by itself.
  const choose = (name: string) => window.location.assign(`/auth/login?tenant=${encodeURIComponent(name)}&next=/`);
  return (
    <Select
      aria-label="Tenant"
      className="mt-1 w-full"
      value={current}
      onChange={(event) => choose(event.target.value)}
    >
      {tenants.map((tenant) => (
        <option key={tenant.name}>{tenant.name}</option>
      ))}
    </Select>
  );
}

function ThemeButton() {
  const [dark, setDark] = useState(document.documentElement.dataset.theme === "dark");
  const change = () => {
    chooseTheme(dark ? "light" : "dark");
    applyTheme();
    setDark(!dark);
  };
  return (
    <Button look="quiet" square aria-label={dark ? "Light colours" : "Dark colours"} onClick={change}>
      {dark ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
    </Button>
  );
}
