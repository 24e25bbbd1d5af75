/** What is drawn: values over the last minute with their limit, and events a second by stream. Knows a pen and numbers, no page. */
import { PLOT_MS, type Scale, along } from "./probes.js";
import type { Pen } from "./surface.js";

/** Room for the marks of the scale, in pixels. */
const LEFT = 42;
const TOP = 6;
const BOTTOM = 4;
const FONT = "11px system-ui, sans-serif";

interface Field { readonly x: (at: number) => number; readonly y: (value: number) => number }

/** Marks and grid. */
function frame({ context, width, height, ink }: Pen, scale: Scale, from: number, to: number): Field {
  const field: Field = {
    x: (at) => LEFT + ((at - from) / (to - from)) * (width - LEFT),
    y: (value) => height - BOTTOM - along(scale, value) * (height - TOP - BOTTOM),
  };
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (const tick of scale.ticks) {
    // On the pixel: a line between two is a grey one twice as wide.
    const y = Math.round(field.y(tick)) + 0.5;
    context.strokeStyle = ink("--edge");
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillStyle = ink("--soft");
    context.fillText(tick.toLocaleString("en"), LEFT - 6, Math.min(Math.max(y, 7), height - 6));
  }
  return field;
}

/** `undefined` stands for what did not come in time. */
export interface Point { readonly at: number; readonly value: number | undefined }

export interface Curve {
  readonly points: readonly Point[];
  readonly color: string;
  /** Bars from the ground, where one value has nothing to do with the next. */
  readonly bars?: boolean;
}

export function drawCurves(pen: Pen, curves: readonly Curve[], scale: Scale, limit: number, now: number): void {
  const { context, width, ink } = pen;
  const field = frame(pen, scale, now - PLOT_MS, now);
  context.strokeStyle = ink("--bad");
  context.setLineDash([5, 4]);
  context.beginPath();
  const y = Math.round(field.y(limit)) + 0.5;
  context.moveTo(LEFT, y);
  context.lineTo(width, y);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = ink("--bad");
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.fillText(`limit ${limit} ms`, LEFT + 4, y - 2);
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, width - LEFT, pen.height);
  context.clip();
  for (const curve of curves) {
    context.strokeStyle = context.fillStyle = ink(curve.color);
    if (curve.bars) bars(pen, field, curve.points, limit);
    else line(pen, field, curve.points, limit);
  }
  context.restore();
}

function line({ context, height, ink }: Pen, { x, y }: Field, points: readonly Point[], limit: number): void {
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.beginPath();
  let isDown = false;
  for (const { at, value } of points) {
    if (value === undefined) isDown = false;
    else if (isDown) context.lineTo(x(at), y(value));
    else {
      context.moveTo(x(at), y(value));
      isDown = true;
    }
  }
  context.stroke();
  for (const { at, value } of points) {
    if (value === undefined) cross(x(at), height, context, ink("--bad"));
    else if (value > limit) {
      context.fillStyle = ink("--bad");
      context.beginPath();
      context.arc(x(at), y(value), 2.5, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/** A probe without an answer: a line from top to ground with a cross on it, so that it is told from a high value without colour. */
function cross(x: number, height: number, context: CanvasRenderingContext2D, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, TOP + 10);
  context.lineTo(x, height - BOTTOM);
  context.stroke();
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - 4, TOP);
  context.lineTo(x + 4, TOP + 8);
  context.moveTo(x + 4, TOP);
  context.lineTo(x - 4, TOP + 8);
  context.stroke();
}

function bars({ context, height, ink }: Pen, { x, y }: Field, points: readonly Point[], limit: number): void {
  const color = context.fillStyle;
  for (const { at, value } of points) {
    if (value === undefined || value === 0) continue;
    context.fillStyle = value > limit ? ink("--bad") : color;
    const top = Math.min(y(value), height - BOTTOM - 1);
    context.fillRect(x(at) - 1, top, 2, height - BOTTOM - top);
  }
}

/** Whole seconds as stacked columns, oldest first. */
export function drawColumns(pen: Pen, series: readonly { readonly color: string; readonly counts: readonly number[] }[], scale: Scale): void {
  const { context, width, ink } = pen;
  const count = series[0]?.counts.length ?? 0;
  const field = frame(pen, scale, 0, count);
  const each = (width - LEFT) / count;
  for (let second = 0; second < count; second += 1) {
    let below = 0;
    for (const { color, counts } of series) {
      const value = counts[second] ?? 0;
      if (value === 0) continue;
      const [top, ground] = [field.y(below + value), field.y(below)];
      context.fillStyle = ink(color);
      context.fillRect(field.x(second) + 0.5, top, Math.max(1, each - 1), Math.max(1, ground - top));
      below += value;
    }
  }
}
