import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { useField } from "./form.tsx";

interface FieldProps {
  /** The name of the field in the API, by which the form finds its refusal. */
  name?: string;
  label: string;
  /** The meaning of the field, in one sentence. */
  help?: string;
  /** The refusal of the value, for a field outside a `Form`. */
  error?: string | undefined;
  /** Replaces a message of the API whose values differ from those of the form. */
  words?: (message: string) => string;
}

/** A label, its control, help and refusal, connected for screen readers. */
function Field({ name, label, help, error, words, control }: FieldProps & {
  control: (
    attributes: {
      id: string;
      "aria-describedby": string | undefined;
      "aria-invalid": "true" | undefined;
    },
  ) => ComponentChildren;
}) {
  const { id, problem } = useField({ name, label, error, words });
  const described = [problem && `${id}-error`, help && `${id}-help`].filter(Boolean).join(" ") || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control({
        id,
        "aria-describedby": described,
        "aria-invalid": problem ? "true" : undefined,
      })}
      {problem && <small id={`${id}-error`} class="wrong" role={error ? "alert" : undefined}>{problem}</small>}
      {help && <small id={`${id}-help`}>{help}</small>}
    </div>
  );
}

type InputProps =
  & FieldProps
  & Omit<JSX.IntrinsicElements["input"], "label" | "onChange" | "onInput">
  & {
    value: string;
    onChange: (value: string) => void;
    /** The unit, shown after the value. */
    unit?: string;
  };

export function TextField(
  { name, label, help, error, words, unit, onChange, ...input }: InputProps,
) {
  const control = (attributes: object) => {
    const field = (
      <input
        {...input}
        {...attributes}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
    return unit
      ? (
        <span class="with-unit">
          {field} <span class="muted">{unit}</span>
        </span>
      )
      : field;
  };
  return <Field name={name} label={label} help={help} error={error} words={words} control={control} />;
}

export function LongTextField(
  { name, label, help, error, value, onChange, required }: FieldProps & {
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
  return <Field name={name} label={label} help={help} error={error} control={control} />;
}

export function SelectField(
  { name, label, help, error, value, options, onChange }: FieldProps & {
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
  return <Field name={name} label={label} help={help} error={error} control={control} />;
}

export function CheckField(
  { label, help, value, onChange }: {
    label: string;
    help?: string | undefined;
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
