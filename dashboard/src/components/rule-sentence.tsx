import { sentenceOf } from "../rule-text.ts";

/** A rule as a sentence, with its channels emphasised. */
export const RuleSentence = ({ of: rule, isBrief }: { of: Parameters<typeof sentenceOf>[0]; isBrief?: boolean }) => (
  <>{sentenceOf(rule, isBrief).map((part, index) => typeof part === "string" ? part : <strong key={index}>{part.channel}</strong>)}</>
);
