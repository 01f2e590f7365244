// The command line: what may be asked for, what is assumed otherwise, and which wishes exclude each other. commander reads
// the arguments and suggests what an unknown option may have meant; here its complaints become one sentence each.
import { ArgumentError, type DeviceChoice } from '@course/tensor';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { epochsInWords } from './schedule.js';

/** What the command line asks for, defaults filled in. */
export interface Options {
  readonly train?: string;
  readonly test?: string;
  /** Sentences to judge; without any, those that come with the reviews. */
  readonly text?: readonly string[];
  /** Passes over the training reviews; without one, `automaticEpochs` decides. */
  readonly epochs?: number;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly dim: number;
  readonly layers: number;
  readonly heads: number;
  readonly lr: number;
  readonly seed: number;
  readonly device: DeviceChoice;
  readonly out: string;
  readonly load?: string;
  /** Folder of a run to go on with. */
  readonly resume?: string;
  /** Steps between two checkpoints. */
  readonly saveSteps: number;
  readonly vocabSize: number;
  readonly json: boolean;
  /** The options that were given, not assumed. */
  readonly given: readonly string[];
}

/** What `--help` prints instead of a run. */
export interface Help {
  readonly help: string;
}

const description =
  'Trains a small transformer encoder to tell the sentiment of texts, measures it on texts that it has not seen, tries it on ' +
  'sentences of yours, and saves it. Without --train it learns from synthetic reviews, written by a generator.';

const files = `
Files of texts are JSON Lines (.jsonl, .ndjson, .json) or tables (.csv, .tsv). Every text has the fields "text" and
"label"; a label is a name or a whole number. With --train alone, a tenth of its texts is held out to measure on.

Examples:
  npm start
  npm start -- --text "the restaurant is not too terrible" --text "a waste of time"
  npm start -- --train train.jsonl --test dev.jsonl --out models/mine
  npm start -- --load models/mine --text "better than I feared"
  npm start -- --resume models/mine
`;

/**
 * Reads the arguments of a run.
 *
 * @param columns Width of the terminal, for `--help`.
 * @throws ArgumentError with one sentence about the first argument that does not fit.
 */
export function parseOptions(args: readonly string[], columns: number): Options | Help {
  let help = '';
  const command = commandLine()
    .exitOverride()
    .configureOutput({
      getOutHelpWidth: () => columns,
      writeOut: (text) => {
        help += text;
      },
      writeErr: () => undefined,
    });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { help };
    throw new ArgumentError(sentence(error.message), { cause: error });
  }
  const [stray] = command.args;
  if (stray !== undefined) {
    throw new ArgumentError(
      `unexpected argument '${stray}': every value belongs to an option, and npm wants a -- before the first one (npm start -- --epochs 3)`,
    );
  }
  const options = command.opts<Omit<Options, 'given'>>();
  const given = Object.keys(options).filter((name) => command.getOptionValueSource(name) === 'cli');
  return check({ ...options, given });
}

function commandLine(): Command {
  // Training has no part in a run with --load: these options would promise something that is not done.
  const trainingOnly = [
    'train',
    'epochs',
    'maxLength',
    'dim',
    'layers',
    'heads',
    'lr',
    'out',
    'vocabSize',
    'saveSteps',
    'resume',
  ];
  return new Command('npm start --')
    .usage('[options]')
    .allowExcessArguments()
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .option('--train <file>', 'texts to learn from (default: synthetic reviews)')
    .option('--test <file>', 'texts to measure the accuracy on (default: a held-out part)')
    .addOption(
      new Option(
        '--text <sentence>',
        'a sentence to judge; may be given several times (default: ten examples)',
      ).argParser(collect),
    )
    .option('--epochs <number>', `passes over the training texts (default: ${epochsInWords})`, whole(1))
    .option('--batch-size <number>', 'texts in a step of training', whole(1), 32)
    .option('--max-length <number>', 'longest text in tokens; what is longer is cut', whole(3), 128)
    .option('--dim <number>', 'width of the model', whole(1), 64)
    .option('--layers <number>', 'transformer blocks', whole(1), 2)
    .option('--heads <number>', 'attention heads of a block; they share the width evenly', whole(1), 4)
    .option('--lr <number>', 'learning rate at its peak, after the warm-up', rate, 7e-4)
    .option('--seed <number>', 'seed of everything random: the same seed, the same run', whole(0), 0)
    .addOption(
      new Option('--device <device>', 'where to compute; auto: a hardware GPU if there is one, else the CPU')
        .choices(['auto', 'cpu', 'webgpu'])
        .default('auto'),
    )
    .option('--out <folder>', 'folder to save the model in', 'models/sentiment')
    .addOption(new Option('--load <folder>', 'judge with a saved model instead of training').conflicts(trainingOnly))
    .option('--resume <folder>', 'go on with the run that was to save its model there and was interrupted')
    .option('--save-steps <number>', 'steps between two checkpoints; one is also made after every epoch', whole(1), 500)
    .option('--vocab-size <number>', 'word pieces to learn, at most', whole(1), 8000)
    .option('--json', 'print nothing but the result on standard output, as one line of JSON', false)
    .addHelpText('after', files);
}

function check(options: Options): Options {
  const { dim, heads } = options;
  if (dim % heads !== 0) {
    throw new ArgumentError(
      `--heads ${heads} does not divide --dim ${dim}: every head takes an equal share of the width, ` +
        `so the nearest that fits is --dim ${Math.max(heads, Math.round(dim / heads) * heads)}`,
    );
  }
  const { test, train, load, resume } = options;
  if (test !== undefined && (train ?? load ?? resume) === undefined) {
    throw new ArgumentError(
      '--test needs --train or --load beside it: the synthetic reviews bring a held-out part of their own',
    );
  }
  return options;
}

function collect(value: string, before: readonly string[] = []): string[] {
  if (value.trim() === '') throw new InvalidArgumentError('the sentence is empty');
  return [...before, value];
}

function whole(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(`it must be a whole number of at least ${least}`);
  };
}

function rate(value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError('it must be a number above 0');
}

/**
 * commander's message as one sentence: "error: unknown option '--epoch'\n(Did you mean --epochs?)", or "error: option
 * '--lr <number>' argument '0' is invalid. it must be above 0".
 */
function sentence(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/^option '(--[\w-]+) [^']*' argument '(.*)' is invalid\. /s, '$1 $2: ')
    .replace('Allowed choices are', 'it may be')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
