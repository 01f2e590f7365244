/** How much memory a kernel may use beside its operands. */

/** Bytes of a thread's scratch memory. */
export const SCRATCH_BYTES = 1_048_576;
