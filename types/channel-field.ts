import { z } from "zod";
import { webUrl } from "./address.ts";
import { ExtraHeaders } from "./extra-headers.ts";

/** A field of a channel in the API and in the form of the page. */
export interface ChannelField {
  label: string;
  /** The meaning of the field, or the place where a person finds its value. */
  help: string;
  schema: z.ZodType;
  control: "text" | "address" | "secret" | "headers" | "recipients" | "recipients_by_severity" | "choice";
  /** The values of a choice, each with its name. */
  options?: readonly (readonly [value: string, name: string])[];
  placeholder?: string;
  is_optional?: boolean;
  /** Whether Vault stores the value, so that no answer contains it; a request without the field keeps the stored value. */
  is_stored?: boolean;
}

/** An address that is a secret, because it is the only key to its receiver. */
export const SECRET_ADDRESS = { control: "secret", schema: webUrl.max(2000), is_stored: true } as const;

export const EXTRA_HEADERS = {
  label: "Extra headers (optional)",
  help: "One a line, such as “Authorization: Bearer …”, ten at most.",
  control: "headers",
  schema: ExtraHeaders,
  is_optional: true,
  is_stored: true,
} as const;

/** Whether an address is that of an ntfy topic, with one segment of a path. */
const isTopic = (address: string): boolean => {
  const url = URL.parse(address);
  return url !== null && /^\/[\w-]{1,64}$/.test(url.pathname) && url.search === "" && url.hash === "";
};

export const TopicUrl = webUrl.max(2000).refine(isTopic, "must be the address of a topic, such as https://ntfy.sh/my-topic");
