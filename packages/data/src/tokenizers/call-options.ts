/** The options of a call with every default filled in: what the tokenizer lacks, what rules Hugging Face's tokenizers have for options left out. */
import { ArgumentError } from '@course/tensor';
import type { RowOptions } from './encoder.js';
import type { EncodeBatchOptions } from './encoding.js';
import type { TokenizerSections } from './sections.js';
import type { Side, TruncationStrategy } from './template.js';

/** What a tokenizer adds to options. */
export interface CallDefaults {
  readonly modelMaxLength: number | undefined;
  readonly truncationSide: Side;
}

/**
 * The options of rows.
 *
 * @throws ArgumentError for options out of range, or that do not fit together.
 */
export function resolveRows(options: EncodeBatchOptions, defaults: CallDefaults): RowOptions {
  const truncation = truncationStrategy(options);
  const { stride = 0 } = options;
  if (!(Number.isInteger(stride) && stride >= 0)) {
    throw new ArgumentError(`encode: stride must be a whole number, got ${stride}`);
  }
  return {
    addSpecialTokens: options.addSpecialTokens ?? true,
    truncation,
    maxLength: truncation === undefined ? 0 : maxLengthOf(options, defaults, 'truncation'),
    stride,
    overflow: options.returnOverflowingTokens ?? false,
    truncationSide: options.truncationSide ?? defaults.truncationSide,
  };
}

/**
 * The length to which rows are padded; undefined where they are not.
 *
 * @param longest The length of the longest row.
 * @throws ArgumentError for options out of range, or a length that nothing tells.
 */
export function resolvePadding(
  options: EncodeBatchOptions,
  defaults: CallDefaults,
  longest: () => number,
): number | undefined {
  const { padding = false, padToMultipleOf: multiple = 1 } = options;
  if (!(Number.isInteger(multiple) && multiple > 0)) {
    throw new ArgumentError(`encode: padToMultipleOf must be a positive whole number, got ${multiple}`);
  }
  if (padding === false) return undefined;
  const length = padding === 'max_length' ? maxLengthOf(options, defaults, "padding 'max_length'") : longest();
  return Math.ceil(length / multiple) * multiple;
}

/** The options of a call as a file keeps them. */
export function sectionsOf(options: EncodeBatchOptions, defaults: CallDefaults): TokenizerSections {
  const { truncation: strategy, maxLength, stride } = resolveRows(options, defaults);
  const to = resolvePadding({ ...options, padToMultipleOf: 1 }, defaults, () => 0);
  const { padding, padToMultipleOf: multipleOf } = options;
  return {
    ...(strategy !== undefined && { truncation: { maxLength, strategy, stride } }),
    ...(to !== undefined && { padding: { to: padding === 'max_length' ? to : 'longest', multipleOf } }),
  };
}

function maxLengthOf(options: EncodeBatchOptions, { modelMaxLength }: CallDefaults, what: string): number {
  const maxLength = options.maxLength ?? modelMaxLength;
  if (maxLength === undefined) {
    throw new ArgumentError(`encode: ${what} needs maxLength, for this tokenizer has no modelMaxLength`);
  }
  if (!(Number.isInteger(maxLength) && maxLength >= 0)) {
    throw new ArgumentError(`encode: maxLength must be a whole number, got ${maxLength}`);
  }
  return maxLength;
}

function truncationStrategy(options: EncodeBatchOptions): TruncationStrategy | undefined {
  const { truncation = options.maxLength !== undefined && options.padding !== 'max_length' } = options;
  if (truncation === true) return 'longest_first';
  return truncation === false ? undefined : truncation;
}
