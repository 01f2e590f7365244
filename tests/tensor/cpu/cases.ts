// A case for every kind of kernel: its requests on a machine, and everything that they write. For tests that run the same work in
// different ways and compare bits.
import type { Case } from './cases/case.js';
import { dims } from './cases/dims.js';
import { elements } from './cases/elements.js';
import { products } from './cases/products.js';
import { rows } from './cases/rows.js';

export const cases: Record<string, Case> = { ...elements, ...products, ...dims, ...rows };
