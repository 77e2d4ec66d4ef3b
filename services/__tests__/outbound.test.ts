import { assertEquals } from "@std/assert";
import { refusal } from "../outbound.ts";

const HOSTS: Record<string, string[]> = {
  "public.test": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
  "inside.test": ["10.0.0.7"],
  "mixed.test": ["93.184.216.34", "fd00::1"],
};
const PRIVATE = "the URL leads to a private address";

for (
  const [target, reason, allowPrivate = false] of [
    ["https://public.test/x", null],
    ["https://93.184.216.34/x", null],
    ["https://unknown.test/x", null],
    ["https://inside.test/x", PRIVATE],
    ["https://mixed.test/x", PRIVATE],
    ["https://0.0.0.0/x", PRIVATE],
    ["https://100.64.0.1/x", PRIVATE],
    ["https://2130706433/x", PRIVATE],
    ["https://[fe80::1]/x", PRIVATE],
    ["https://[64:ff9b::7f00:1]/x", PRIVATE],
    ["http://public.test/x", "the URL is not https"],
    ["ftp://public.test/x", "the URL is not https"],
    ["no address", "the URL is malformed"],
    ["http://inside.test/x", null, true],
    ["no address", "the URL is malformed", true],
  ] as [string, string | null, boolean?][]
) {
  Deno.test(`a request to ${target} is ${reason ? `refused: ${reason}` : "allowed"}${allowPrivate ? ", for local use" : ""}`, async () => {
    const resolve = (host: string) => Promise.resolve(HOSTS[host] ?? []);
    assertEquals(await refusal(target, { allowPrivate, resolve, fetch }), reason);
  });
}
