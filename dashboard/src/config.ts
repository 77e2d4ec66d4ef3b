import { z } from "zod";

const Config = z.object({
  url: z.url({ protocol: /^https?$/ }),
  publishable_key: z.string().min(1),
});
export type Config = z.infer<typeof Config>;

/** Reads `config.json` beside the page: where the project is and its publishable key. @throws Error in one sentence */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("./config.json", { cache: "no-cache" });
  const parsed = Config.safeParse(await response.json().catch(() => null));
  if (!response.ok || !parsed.success) {
    throw new Error(
      "config.json beside this page must name the project: its url and its publishable_key.",
    );
  }
  return { ...parsed.data, url: parsed.data.url.replace(/\/$/, "") };
}
