// What a case is: the requests of one kind of kernel on a machine, and everything that they write.
import type { Computer, Machine } from '../machine.js';

/** Runs a case on a machine and reads what it wrote. */
export type Case = (machine: Machine<Computer>) => Promise<number[][]>;
