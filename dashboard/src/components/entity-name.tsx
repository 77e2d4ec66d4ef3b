import { useNames } from "../names.ts";

/** The name of a sync, or of a scope of rules. */
export const EntityName = ({ of: type }: { of: string }) => <>{useNames()(type)}</>;
