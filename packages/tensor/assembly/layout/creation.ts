/** Random words, what is drawn from them, and numbers at equal distances. */

/** The next words of a Mersenne Twister. One item. */
export enum TwistField {
  /** Address of the 624 words of its block, and how many of them were handed out, which is written back. */
  words,
  position,
  target,
  count,
  length,
}

/** What is drawn. */
export enum DrawKind {
  uniform,
  normal,
  integers,
  double,
  bernoulli,
  exponential,
}

/** Random words to numbers. Item: 16 elements. */
export enum DrawField {
  kind,
  count,
  /** Where the numbers go; words of kinds that take one an element are there already. */
  target,
  /** The words of kinds that take two an element. */
  words,
  /** Address of two doubles: from and width, mean and deviation, low and range, probability, rate. */
  numbers,
  length,
}

/** A part of a shuffle. One item. */
export enum ShuffleField {
  target,
  words,
  count,
  /** The element that the first word is for, and how many there are in all. */
  first,
  total,
  length,
}

/** Numbers at equal distances. Item: 1,024 of them. */
export enum LineField {
  count,
  out,
  /** Address of three doubles: the first, the last, the step. */
  numbers,
  length,
}
