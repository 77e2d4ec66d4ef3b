import type { LucideIcon } from "lucide-preact";

/** A line of the palette. */
export interface Option {
  id: string;
  group: string;
  icon: LucideIcon;
  title: string;
  /** The difference from other options with the same title. */
  detail?: string;
  status?: string | null;
  at?: string | null;
  keys?: readonly string[];
  choose: () => void;
}

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether every word of a text is in the title, the detail or the id of an option. */
export const matches = ({ id, title, detail = "" }: Option, text: string): boolean => {
  const searched = `${title} ${detail} ${id}`.toLowerCase();
  return wordsOf(text).every((word) => searched.includes(word));
};

/** Whether the words of a text begin words of the title in the same order, so that a person most likely means the option. */
export const isMeant = ({ title }: Option, text: string): boolean => {
  let rest = wordsOf(title);
  return wordsOf(text).every((word) => {
    const at = rest.findIndex((candidate) => candidate.startsWith(word));
    rest = rest.slice(at + 1);
    return at >= 0;
  });
};
