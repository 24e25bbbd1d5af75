/** A slider over a few chosen values, with the value in words beside its name. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

export interface SliderProps {
  readonly id: string;
  readonly label: string;
  readonly steps: readonly number[];
  /** At first. Nobody else moves it. */
  readonly value: number;
  readonly say: (value: number) => string;
  /** Told when it is let go, not at every value that it passes. */
  readonly onChange: (value: number) => void;
}

export function Slider({ id, label, steps, value, say, onChange }: SliderProps): JSX.Element {
  const [at, setAt] = useState(() => steps.indexOf(value));
  const words = say(steps[at] ?? value);
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id} class="number">{words}</output>
      <input
        id={id} type="range" min={0} max={steps.length - 1} step={1} value={at} aria-valuetext={words}
        onInput={(event) => setAt(event.currentTarget.valueAsNumber)}
        onChange={(event) => onChange(steps[event.currentTarget.valueAsNumber] ?? value)}
      />
    </div>
  );
}
