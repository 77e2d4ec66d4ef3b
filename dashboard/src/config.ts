import { z } from "zod";

const Config = z.object({
  url: z.url({ protocol: /^https?$/ }),
  publishable_key: z.string().min(1),
});
export type Config = z.infer<typeof Config>;

/** Reads the url and the publishable key of the project from `config.json` beside the page. @throws Error */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("./config.json", { cache: "no-cache" });
  const parsed = Config.safeParse(await response.json().catch(() => null));
  if (!response.ok || !parsed.success) {
    throw new Error(
      "config.json beside this page must contain the project's url and publishable_key.",
    );
  }
  return { ...parsed.data, url: parsed.data.url.replace(/\/$/, "") };
}
