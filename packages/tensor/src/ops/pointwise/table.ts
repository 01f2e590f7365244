/**
 * Every pointwise op by name. The table is all that op functions, the fuser, both backends and the tests know of an
 * elementwise op: to add one is to add its record (and its CPU primitive `OP_<name>` in assembly).
 */
import { activation } from './activation.js';
import { arithmetic } from './arithmetic.js';
import { bits } from './bits.js';
import { elementary } from './elementary.js';
import { logic } from './logic.js';
import type { PointwiseOp } from './record.js';
import { sources } from './sources.js';
import { transcendental } from './transcendental.js';

const records = { ...arithmetic, ...transcendental, ...elementary, ...activation, ...logic, ...bits, ...sources };

export type PointwiseName = keyof typeof records;

export const pointwiseTable: Readonly<Record<PointwiseName, PointwiseOp>> = records;

/** The names in a fixed order. */
export const pointwiseNames = Object.keys(records) as PointwiseName[];
