import { sentence, title, words } from "./format.ts";

/** The words of the forms for terms of the API that are no names of fields. */
const TERMS: [term: RegExp, words: string][] = [
  [/a time with its offset from UTC, such as \S+/, "a date and a time, such as 2026-06-10 12:00"],
  [/a URL that begins with/, "an address that begins with"],
  [/the entity type all/, "all syncs"],
  [/\bscope TOURNAMENT\b/, "scope “each tournament”"],
  [/\bTOURNAMENT\b/, "“each tournament”"],
  [/\bENTITY\b/, "“the sync”"],
  [/\bsystem\b/, "the monitoring"],
];

/** The names of fields in a message for which a form has no label. */
const NAMES: Record<string, string> = {
  entity_type: "sync",
  rule_id: "rule",
  tournament_no: "tournament",
  incident_id: "incident",
  starts_at: "start",
  ends_at: "end",
};

/** The labels of the fields of a form by their name in the API. */
type Labels = ReadonlyMap<string, string>;

/** A message of the API with the words of the form for its fields and values. */
function inFormWords(message: string, labels: Labels): string {
  return TERMS.reduce((text, [term, replacement]) => text.replace(term, replacement), message)
    // The name of a channel is the text of a person, so it is not changed.
    .replace(/(?<!channel )\b[a-z]+(?:_[a-z]+)+\b/g, (name) => labels.get(name)?.toLowerCase() ?? NAMES[name] ?? words(name))
    .replace(/\b[A-Z]+_[A-Z_]+\b/g, (value) => words(value));
}

/** A label without its parentheses. */
const nameOf = (label: string): string => label.replace(/ \(.*\)$/, "");

/**
 * The refusal of a field as a sentence in the words of its form. A message of the API follows the name of the field, such as
 * `must have 3 to 200 characters`, or is a complete sentence.
 */
export function refusalOf(field: string, message: string, labels: Labels = new Map()): string {
  const entry = /^(.*)\.(\d+)$/.exec(field);
  const label = nameOf(labels.get(entry?.[1] ?? field) ?? title(field.replaceAll(".", " ")));
  const subject = entry ? `Entry ${Number(entry[2]) + 1} of ${label.toLowerCase()}` : label;
  const text = inFormWords(message, labels);
  const continues = field !== "body" && /^(?:must|is|are|has|can|needs|have) /.test(message);
  return sentence(continues ? `${subject} ${text}` : text);
}
