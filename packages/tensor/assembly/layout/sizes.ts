/** Sizes of work items that are not parameters. */
export enum ItemSize {
  /** Rows and columns of a tile of a transposing copy. */
  transposeTile = 32,
  /** Elements of a run of a long row that is sorted. */
  sortRun = 8192,
  /** Elements of an Adam step. */
  adamBlock = 4096,
  /** Words of memory that is cleared. */
  clearBlock = 16384,
  /** Elements that an expression behind a product computes at a time, at most. */
  followingBlock = 256,
}
