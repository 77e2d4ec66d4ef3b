import { z } from "zod";

/** An address that a person enters. */
export const webUrl = z.url({ protocol: /^https?$/, error: "must be a URL that begins with http:// or https://" });
