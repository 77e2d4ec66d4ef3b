import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  /** The meaning of the field, in one sentence. */
  help?: string;
  /** Why the value is refused. */
  error?: string | undefined;
}

/** A label, its control, help and error, connected for screen readers. */
function Field({ label, help, error, control }: FieldProps & {
  control: (
    attributes: {
      id: string;
      "aria-describedby": string | undefined;
      "aria-invalid": "true" | undefined;
    },
  ) => ComponentChildren;
}) {
  const id = useId();
  const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ") ||
    undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control({
        id,
        "aria-describedby": described,
        "aria-invalid": error ? "true" : undefined,
      })}
      {help && <small id={`${id}-help`}>{help}</small>}
      {error && <small id={`${id}-error`} class="wrong" role="alert">{error}</small>}
    </div>
  );
}

type InputProps =
  & FieldProps
  & Omit<JSX.IntrinsicElements["input"], "label" | "onChange" | "onInput">
  & { value: string; onChange: (value: string) => void };

export function TextField(
  { label, help, error, onChange, ...input }: InputProps,
) {
  const control = (attributes: object) => (
    <input
      {...input}
      {...attributes}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
  return <Field label={label} help={help} error={error} control={control} />;
}

export function LongTextField(
  { label, help, error, value, onChange, required }: FieldProps & {
    value: string;
    onChange: (value: string) => void;
    required?: boolean;
  },
) {
  const control = (attributes: object) => (
    <textarea
      {...attributes}
      rows={3}
      required={required}
      value={value}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
  return <Field label={label} help={help} error={error} control={control} />;
}

export function SelectField(
  { label, help, error, value, options, onChange }: FieldProps & {
    value: string;
    options: readonly (readonly [value: string, label: string])[];
    onChange: (value: string) => void;
  },
) {
  const control = (attributes: object) => (
    <select
      {...attributes}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map(([option, name]) => (
        <option key={option} value={option} selected={option === value}>
          {name}
        </option>
      ))}
    </select>
  );
  return <Field label={label} help={help} error={error} control={control} />;
}

export function CheckField(
  { label, help, value, onChange }: FieldProps & {
    value: boolean;
    onChange: (value: boolean) => void;
  },
) {
  const id = useId();
  return (
    <div class="field">
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={value}
          aria-describedby={help && id}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        {label}
      </label>
      {help && <small id={id}>{help}</small>}
    </div>
  );
}
