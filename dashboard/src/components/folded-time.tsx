import { ChevronRight } from "lucide-preact";
import { Moment } from "./time.tsx";

/** The times of the oldest and the newest of several folded rows, with a button that shows each row. */
export const FoldedTime = ({ oldest, newest, label, isOpen, onFold }: {
  oldest: string;
  newest: string;
  /** The number of rows, such as `12 results`. */
  label: string;
  isOpen: boolean;
  onFold: () => void;
}) => (
  <>
    <div class="unbroken">
      <Moment at={oldest} /> – <Moment at={newest} since={oldest} />
    </div>{" "}
    <button type="button" class="plain fold" aria-expanded={isOpen} onClick={onFold}>
      <ChevronRight aria-hidden="true" /> {label}
    </button>
  </>
);
