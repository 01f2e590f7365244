/**
 * The parameter records of the kernels, word by word: the one place where callers and kernels agree on them. The build puts the
 * files of this folder behind one another as src/backend/cpu/layout.generated.ts, so they hold only what AssemblyScript and
 * TypeScript read alike, and import nothing.
 *
 * A record is a run of 32-bit words in linear memory. Pointers are byte addresses, absent operands are 0. Every kernel has the
 * form `(record, begin, end)` and computes the work items [begin, end); what an item is, is said at each record.
 */
export * from './attention';
export * from './creation';
export * from './dims';
export * from './expressions';
export * from './indexing';
export * from './optimizer';
export * from './pool';
export * from './products';
export * from './rows';
export * from './sizes';
