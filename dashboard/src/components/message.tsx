import { Moment } from "./time.tsx";

const TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))/;

/** A sentence of the API with its times in the browser's time zone. */
export const Message = ({ text }: { text: string }) => (
  <>{text.split(TIME).map((part, index) => index % 2 ? <Moment key={index} at={part} hasSeconds /> : part)}</>
);
