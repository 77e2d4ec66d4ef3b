/** A choice of a few short names, such as of periods. */
export function Segments<Name extends string>({ label, names, chosen, onChoose }: {
  label: string;
  names: readonly Name[];
  chosen: string;
  onChoose: (name: Name) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {names.map((name) => <button key={name} type="button" aria-pressed={name === chosen} onClick={() => onChoose(name)}>{name}</button>)}
    </div>
  );
}
