import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/forms.css";
import "./styles/tables.css";
import "./styles/charts.css";
import "./styles/backtest.css";
import "./styles/overview.css";
import "./styles/objectives.css";
import "./styles/incident.css";
import "./styles/alerts.css";
import "./styles/run.css";
import "./styles/manage.css";
import type { GoTrueClient } from "@supabase/auth-js";
import { QueryClientProvider } from "@tanstack/preact-query";
import { render } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Route, Router, Switch } from "wouter-preact";
import { useHashPath } from "./address.ts";
import { ApiContext, createApi } from "./api.ts";
import { type Config, loadConfig } from "./config.ts";
import { openLink, takeLink } from "./link.ts";
import { createQueries } from "./queries.ts";
import { createAuth, SessionContext, type User, userOf } from "./session.ts";
import { Skeleton } from "./components/states.tsx";
import { Shell } from "./shell.tsx";
import "./theme.ts";
import { NotFound } from "./views/not-found.tsx";
import { ChoosePassword, NoRole, SignIn } from "./views/sign-in.tsx";
import { Overview } from "./views/overview.tsx";

// The overview is part of the main bundle; every other view is loaded when it opens.
const views = {
  "/entities/:type": lazy(() => import("./views/entity.tsx")),
  "/entities/:type/settings": lazy(() => import("./views/entity-settings.tsx")),
  "/runs/:id": lazy(() => import("./views/run.tsx")),
  "/tournaments": lazy(() => import("./views/tournaments.tsx")),
  "/tournaments/:no": lazy(() => import("./views/tournament.tsx")),
  "/errors": lazy(() => import("./views/errors.tsx")),
  "/errors/:fingerprint": lazy(() => import("./views/error-group.tsx")),
  "/alerts": lazy(() => import("./views/alerts.tsx")),
  "/alerts/rules": lazy(() => import("./views/rules.tsx")),
  "/alerts/rules/:id": lazy(() => import("./views/rule.tsx")),
  "/alerts/silences": lazy(() => import("./views/silences.tsx")),
  "/alerts/channels": lazy(() => import("./views/channels.tsx")),
  "/alerts/quality": lazy(() => import("./views/quality.tsx")),
  "/alerts/:id": lazy(() => import("./views/alert.tsx")),
  "/canaries/:id": lazy(() => import("./views/canary.tsx")),
  "/runbook": lazy(() => import("./views/runbook.tsx")),
  "/runbook/:anchor": lazy(() => import("./views/runbook.tsx")),
  "/sync": lazy(() => import("./views/sync.tsx")),
  "/jobs/:id": lazy(() => import("./views/job.tsx")),
  "/objectives": lazy(() => import("./views/objectives.tsx")),
  "/objectives/:id": lazy(() => import("./views/objective.tsx")),
  "/audit": lazy(() => import("./views/audit.tsx")),
  "/system": lazy(() => import("./views/system.tsx")),
  "/people": lazy(() => import("./views/people.tsx")),
} as const;

// The link is read before the router reads the address.
const link = takeLink();

function App({ config, auth }: { config: Config; auth: GoTrueClient }) {
  const [user, setUser] = useState<User | null | undefined>(undefined);
  const [hasExpired, setExpired] = useState(false);
  const [opened, setOpened] = useState(link ? null : { problem: "", needsPassword: false });
  const [queries] = useState(createQueries);
  useEffect(() => {
    const { data } = auth.onAuthStateChange((_event, session) => {
      if (!session) queries.clear();
      setUser((previous) => {
        const next = session && userOf(session);
        // A renewed token has the same user, and the same object avoids a new render.
        return previous && next && previous.email === next.email && previous.role === next.role ? previous : next;
      });
    });
    if (link) void openLink(auth, link).then(setOpened);
    return () => data.subscription.unsubscribe();
  }, []);
  const api = useMemo(() =>
    createApi({
      url: config.url,
      token: async (isRefused) => {
        const { data } = isRefused ? await auth.refreshSession() : await auth.getSession();
        return data.session?.access_token ?? null;
      },
      onRefused: () => {
        setExpired(true);
        void auth.signOut({ scope: "local" });
      },
    }), []);
  if (user === undefined || opened === null) {
    return (
      <main>
        <Skeleton />
      </main>
    );
  }
  if (!user) return <SignIn auth={auth} config={config} hasExpired={hasExpired} problem={opened.problem} />;
  if (opened.needsPassword) {
    return <ChoosePassword auth={auth} user={user} onDone={() => setOpened({ ...opened, needsPassword: false })} />;
  }
  const signOut = () => {
    setExpired(false);
    void auth.signOut({ scope: "local" });
  };
  if (!user.role) return <NoRole user={user} onSignOut={signOut} />;
  return (
    <SessionContext.Provider value={{ user, auth, signOut }}>
      <ApiContext.Provider value={api}>
        <QueryClientProvider client={queries}>
          <Router hook={useHashPath}>
            <Shell>
              <Suspense fallback={<Skeleton />}>
                <Switch>
                  <Route path="/" component={Overview} />
                  {Object.entries(views).map(([path, View]) => <Route key={path} path={path} component={View} />)}
                  <Route component={NotFound} />
                </Switch>
              </Suspense>
            </Shell>
          </Router>
        </QueryClientProvider>
      </ApiContext.Provider>
    </SessionContext.Provider>
  );
}

const root = document.getElementById("app");
if (root) {
  loadConfig().then(
    (config) => render(<App config={config} auth={createAuth(config)} />, root),
    (error: Error) =>
      render(
        <main>
          <div class="failure card pad" role="alert">{error.message}</div>
        </main>,
        root,
      ),
  );
}
