import { type FormEvent, useState } from "react";
import { keepAccessKey } from "@/api/access";
import type { Problem } from "@/api/problem";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";

/** Whether the server has an identity provider to log in at; its page says so. */
const canLogIn = document.querySelector<HTMLMetaElement>('meta[name="login"]')?.content === "yes";

/** Who is asked to show who he is: by logging in, or by a key for this tab. */
export function LoginPage({ problem, retry }: { problem: Problem; retry: () => void }) {
  const [key, setKey] = useState("");
  const next = encodeURIComponent(window.location.pathname + window.location.search);
  const enter = (event: FormEvent) => {
    event.preventDefault();
    keepAccessKey(key);
    retry();
  };
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-6 p-4">
      <div>
        <h1 className="text-4xl">Stretto</h1>
        <p className="text-soft">{problem.detail || "Show who you are."}</p>
      </div>
      {canLogIn && (
        <a
          href={`/auth/login?next=${next}`}
          className="inline-flex min-h-10 items-center justify-center rounded-md bg-accent px-4 font-semibold text-on-accent"
        >
          Log in
        </a>
      )}
      <form onSubmit={enter} className="flex flex-col gap-2">
        <Field label={canLogIn ? "Or use a key" : "Use a key"} hint="It is kept in this tab only, until it is closed.">
          {(props) => (
            <Input
              {...props}
              type="password"
              autoComplete="off"
              required
              pattern="[!-~]+"
              title="A key has neither spaces nor letters beyond a to z."
              value={key}
              onChange={(event) => setKey(event.target.value.trim())}
              placeholder="st_…"
            />
          )}
        </Field>
        <Button type="submit" look={canLogIn ? "plain" : "main"}>
          Use the key
        </Button>
      </form>
      {!canLogIn && (
        <p className="text-xs text-soft">
          An admin makes keys under Settings, or with <code>stretto key add</code>. To log in without one, whoever runs
          this server names an identity provider: <code>STRETTO_OIDC_ISSUER</code> and{" "}
          <code>STRETTO_OIDC_CLIENT_ID</code>.
        </p>
      )}
    </main>
  );
}
