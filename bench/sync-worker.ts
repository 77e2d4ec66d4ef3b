// The main module of a worker of `sync-workers.ts`, which starts one match sync as a hosted worker does, and prints its CPU.
import process from "node:process";
import { createApp } from "../supabase/functions/match-schedule-sync/app.ts";
import { productionDeps } from "../supabase/functions/_shared/runtime.ts";
import { workerCpu } from "../services/worker-cpu.ts";
import { say } from "./report.ts";

/** The CPU of the main thread, which runs all JavaScript, in milliseconds; the first field of schedstat is in nanoseconds. */
const mainThreadMs = (): number => Number(Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ")[0]) / 1e6;
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return { estimated_ms: workerCpu.spentMs, main_thread_ms: mainThreadMs(), process_ms: (user + system) / 1000 };
};

const background: Promise<unknown>[] = [];
const deps = { ...productionDeps("match-schedule-sync"), waitUntil: (work: Promise<unknown>) => void background.push(work) };
const app = createApp({ ...deps, log: () => {} });
const response = await app.fetch(
  new Request("http://functions.test/match-schedule-sync", {
    method: "POST",
    headers: { apikey: deps.access.keys.current, "content-type": "application/json" },
    body: JSON.stringify({ trigger: "CRON" }),
  }),
);
if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
await Promise.all(background);
say(JSON.stringify(cpu()));
Deno.exit(0);
