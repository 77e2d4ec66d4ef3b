import { sentenceOf } from "../rule-text.ts";

/** A rule as a sentence, with its channels emphasised. */
export const RuleSentence = ({ of: rule }: { of: Parameters<typeof sentenceOf>[0] }) => (
  <>{sentenceOf(rule).map((part, index) => typeof part === "string" ? part : <strong key={index}>{part.channel}</strong>)}</>
);
