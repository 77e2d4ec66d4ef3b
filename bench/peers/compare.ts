import { measureDelays } from "./delays.ts";
import { measureThroughput } from "./throughput.ts";

const [url = "", jobs, rounds, samples] = Deno.args;
const rates = await measureThroughput(url, Number(jobs), Number(rounds));
const idle = await measureDelays(url, Number(samples));
// deno-lint-ignore no-console -- bench/queue.ts reads this line
console.log(JSON.stringify({ rates, idle }));
