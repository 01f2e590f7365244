/**
 * The sections `truncation` and `padding` of `tokenizer.json`. Libraries that are not told with every call how to cut and fill texts (the Rust
 * tokenizers, servers built on them) go by these. Here, as in `transformers`, sides and padding token count, and every call says the rest; what
 * a file has is kept and written again.
 */
import { FormatError } from '@course/tensor';
import type { JsonNode } from '../text-file.js';
import type { Side, TruncationStrategy } from './template.js';
import { parseSide } from './template-json.js';

/** How texts are cut where nobody says it with the call. */
export interface TruncationSection {
  readonly maxLength: number;
  readonly strategy: TruncationStrategy;
  readonly stride: number;
}

/** How rows are filled where nobody says it with the call. */
export interface PaddingSection {
  /** 'longest', or a length. */
  readonly to: 'longest' | number;
  readonly multipleOf?: number | undefined;
}

/** What a `tokenizer.json` says to those who are not told with each call. */
export interface TokenizerSections {
  readonly truncation?: TruncationSection | undefined;
  readonly padding?: PaddingSection | undefined;
}

/** What the sections tell about a tokenizer. */
export interface ParsedSections {
  readonly sections?: TokenizerSections;
  readonly paddingSide?: Side;
  readonly truncationSide?: Side;
  readonly padToken?: string;
  readonly padTokenTypeId?: number;
}

/** The strategies by the names that the Rust library has for them. */
const STRATEGIES = { longest_first: 'LongestFirst', only_first: 'OnlyFirst', only_second: 'OnlySecond' } as const;

/**
 * Reads the sections.
 *
 * @throws FormatError for what they cannot hold.
 */
export function parseSections(root: JsonNode): ParsedSections {
  const [truncation, padding] = [root.get('truncation'), root.get('padding')];
  const [paddingSide, truncationSide] = [sideOf(padding), sideOf(truncation)];
  const sections: TokenizerSections = {
    ...(truncation.isPresent && { truncation: parseTruncation(truncation) }),
    ...(padding.isPresent && { padding: parsePadding(padding) }),
  };
  return {
    ...(Object.keys(sections).length > 0 && { sections }),
    ...(paddingSide && { paddingSide }),
    ...(truncationSide && { truncationSide }),
    ...(padding.isPresent && padding.get('pad_token').isPresent && { padToken: padding.get('pad_token').string() }),
    ...(padding.isPresent &&
      padding.get('pad_type_id').isPresent && { padTokenTypeId: padding.get('pad_type_id').number() }),
  };
}

/** The Rust library writes the names of its variants. */
function sideOf(node: JsonNode): Side | undefined {
  const direction = node.isPresent ? node.get('direction') : node;
  if (direction.value === 'Left') return 'left';
  return direction.value === 'Right' ? 'right' : parseSide(direction);
}

function parseTruncation(node: JsonNode): TruncationSection {
  const name = node.get('strategy').isPresent ? node.get('strategy').string() : 'LongestFirst';
  const strategy = Object.entries(STRATEGIES).find((pair) => pair.includes(name))?.[0];
  if (strategy === undefined) {
    const known = Object.values(STRATEGIES).join(', ');
    throw new FormatError(`${node.where}: strategy: expected one of ${known}, found ${JSON.stringify(name)}`);
  }
  return {
    maxLength: node.get('max_length').number(),
    strategy: strategy as TruncationStrategy,
    stride: node.get('stride').isPresent ? node.get('stride').number() : 0,
  };
}

function parsePadding(node: JsonNode): PaddingSection {
  const strategy = node.get('strategy');
  const to = !strategy.isPresent || strategy.value === 'BatchLongest' ? 'longest' : strategy.get('Fixed').number();
  const multiple = node.get('pad_to_multiple_of');
  return { to, ...(multiple.isPresent && { multipleOf: multiple.number() }) };
}

/** What printing needs to know of a tokenizer. */
export interface SectionSource {
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  readonly padTokenTypeId: number;
}

/** The sections as the file has them; null where there is none. */
export interface PrintedSections {
  readonly truncation: unknown;
  readonly padding: unknown;
}

/** Prints sections. */
export function printSections(
  { truncation, padding }: TokenizerSections,
  { paddingSide, truncationSide, padTokenTypeId }: SectionSource,
  pad: { readonly token: string; readonly id: number } | undefined,
): PrintedSections {
  const direction = (side: Side): string => (side === 'left' ? 'Left' : 'Right');
  return {
    truncation: truncation
      ? {
          direction: direction(truncationSide),
          max_length: truncation.maxLength,
          strategy: STRATEGIES[truncation.strategy],
          stride: truncation.stride,
        }
      : null,
    padding:
      padding && pad
        ? {
            strategy: padding.to === 'longest' ? 'BatchLongest' : { Fixed: padding.to },
            direction: direction(paddingSide),
            pad_to_multiple_of: padding.multipleOf ?? null,
            pad_id: pad.id,
            pad_type_id: padTokenTypeId,
            pad_token: pad.token,
          }
        : null,
  };
}
