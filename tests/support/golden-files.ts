// What stands in the files that PyTorch's results are kept in (tests/goldens/*.json), with their tensors decoded: the types say what each script writes;
// the comment on top of the script says what it means. `goldens.ts` reads them.

/** A dense, row-major tensor. */
export interface GoldenTensor {
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly shape: readonly number[];
  /** Bools are 0 and 1. */
  readonly data: Float32Array | Int32Array | Uint8Array;
  /** Of an expected value: the largest absolute error that PyTorch's own float32 kernels make against float64. */
  readonly float32Error?: number;
}

export type GoldenTensors = Readonly<Record<string, GoldenTensor>>;

/** An option as JSON can say it; infinities are the strings 'Infinity' and '-Infinity'. */
export type GoldenOption = number | boolean | string | null | readonly GoldenOption[];
export type GoldenOptions = Readonly<Record<string, GoldenOption>>;

/** A view taken of a dense tensor: `permute` and `expand` carry a list, `narrow` dim, start and length. */
export type GoldenView =
  | readonly ['permute' | 'expand', readonly number[]]
  | readonly ['narrow', dim: number, start: number, length: number];

export interface OpsGolden {
  readonly cases: readonly {
    readonly name: string;
    readonly op: string;
    readonly args: GoldenOptions;
    readonly inputs: readonly (GoldenTensor & { readonly views?: readonly GoldenView[] })[];
    readonly outputs: readonly GoldenTensor[];
    /** The gradient given to the first output; absent where nothing is differentiated. */
    readonly upstream?: GoldenTensor;
    /** One an input, of its dense tensor before the views; null where it has none. */
    readonly gradients?: readonly (GoldenTensor | null)[];
    /** About NaN and infinity. */
    readonly special?: boolean;
    /** The first case of an op, repeated with inputs in this layout. */
    readonly layout?: Layout;
  }[];
  /** Layouts that PyTorch does not take, or that cannot be compared. */
  readonly refused: readonly { readonly op: string; readonly layout: Layout; readonly why: string }[];
}

/** How inputs lie: dims stored in the opposite order, one repeated by expansion, without elements, without dims. */
export type Layout = 'turned' | 'repeated' | 'empty' | 'scalar';

export interface CreationGolden {
  readonly cases: readonly {
    readonly name: string;
    readonly op: string;
    readonly args: GoldenOptions;
    /** Of those that draw. */
    readonly seed?: number;
    readonly inputs?: readonly GoldenTensor[];
    readonly output: GoldenTensor;
    /** Two uniform numbers drawn after it. */
    readonly next?: GoldenTensor;
  }[];
}

/** What a training script prints; only `losses` are there in all. */
export interface ScriptGolden {
  readonly losses: readonly number[];
  readonly norms?: readonly number[];
  readonly rates?: readonly (readonly number[])[];
  readonly keys?: readonly string[];
  readonly text?: string;
  readonly parameters?: number;
  readonly ids?: readonly number[];
  readonly features?: readonly number[];
  readonly gradients?: readonly boolean[];
  readonly weights?: readonly number[];
  readonly average?: readonly number[];
}

export type ScriptsGolden = Readonly<
  Record<
    | 'nestedModules'
    | 'packedLstm'
    | 'tiedTransformer'
    | 'convolutions'
    | 'rateFinder'
    | 'frozenFeatures'
    | 'cells'
    | 'accumulationAndAverages'
    | 'trainer',
    ScriptGolden
  >
>;

export interface LayersGolden {
  readonly cases: readonly {
    readonly name: string;
    readonly layer: string;
    readonly config: GoldenOptions;
    readonly state: GoldenTensors;
    readonly inputs: GoldenTensors;
    /** `out`, and `weights` of attention. */
    readonly outputs: GoldenTensors & { readonly out: GoldenTensor };
    /** The gradient given to `out`. */
    readonly upstream: GoldenTensor;
    readonly gradients: { readonly inputs: GoldenTensors; readonly parameters: GoldenTensors };
  }[];
  readonly sinusoidal: readonly { readonly length: number; readonly dim: number; readonly table: GoldenTensor }[];
  readonly initialisation: readonly {
    readonly name: string;
    readonly layer: string;
    readonly seed: number;
    readonly config: GoldenOptions;
    readonly state: GoldenTensors;
    /** `rand([3])` right after the construction. */
    readonly next: GoldenTensor;
  }[];
}

/** An argument of a call as JSON can say it; a string may name an input of the case. */
export type GoldenArgument = GoldenOption | { readonly [name: string]: GoldenArgument } | readonly GoldenArgument[];

export interface ModulesGolden {
  readonly cases: readonly {
    readonly name: string;
    /** Our class in `@course/nn`, and what its constructor is given. */
    readonly layer: string;
    readonly args: readonly GoldenArgument[];
    /** What `forward` is given. */
    readonly call: readonly GoldenArgument[];
    /** What torch prints for it; null for classes that torch has not. */
    readonly printed: string | null;
    readonly state: GoldenTensors;
    readonly inputs: GoldenTensors;
    /** All float tensors of the result, nested ones in order. */
    readonly outputs: readonly GoldenTensor[];
    /** The gradient given to each. */
    readonly upstream: readonly GoldenTensor[];
    readonly gradients: { readonly inputs: GoldenTensors; readonly parameters: GoldenTensors };
  }[];
  readonly initialisation: readonly {
    readonly name: string;
    readonly layer: string;
    readonly seed: number;
    readonly args: readonly GoldenArgument[];
    readonly state: GoldenTensors;
    /** `rand([3])` right after the construction. */
    readonly next: GoldenTensor;
  }[];
  readonly initialisers: readonly {
    /** A function of `init`. */
    readonly name: string;
    readonly args: readonly GoldenArgument[];
    /** What it makes of zeros after `manualSeed(9)`. */
    readonly value: GoldenTensor;
    readonly next: GoldenTensor;
  }[];
}

export interface OptimizersGolden {
  readonly parameters: GoldenTensors;
  /** [steps, ...shape] of each parameter. */
  readonly gradients: GoldenTensors;
  readonly cases: readonly {
    readonly name: string;
    readonly optimizer: 'AdamW' | 'Adam' | 'SGD' | 'RMSprop' | 'Adagrad';
    readonly options: GoldenOptions;
    readonly groups: readonly { readonly parameters: readonly string[]; readonly options: GoldenOptions }[];
    readonly schedule?: {
      readonly kind: 'LinearWarmup' | 'CosineWarmup';
      readonly warmupSteps: number;
      readonly totalSteps: number;
    };
    readonly after: readonly { readonly step: number; readonly parameters: GoldenTensors }[];
  }[];
  readonly schedules: readonly {
    readonly name: string;
    readonly kind: 'LinearWarmup' | 'CosineWarmup';
    readonly lr: number;
    readonly warmupSteps: number;
    readonly totalSteps: number;
    readonly steps: readonly number[];
    /** The learning rate of each of `steps`. */
    readonly rates: readonly number[];
  }[];
  readonly torchSchedules: readonly {
    readonly name: string;
    /** A class of `@course/nn/optim`. */
    readonly kind: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly lr: number;
    /** Those of two groups at each step; the second group starts from a quarter of `lr`. */
    readonly rates: readonly (readonly [number, number])[];
    /** Of the first group. */
    readonly momenta: readonly number[];
  }[];
  readonly plateaus: readonly {
    readonly name: string;
    readonly options: GoldenOptions;
    readonly lr: number;
    readonly metrics: readonly number[];
    /** After each metric. */
    readonly rates: readonly number[];
  }[];
  readonly clips: readonly {
    readonly name: string;
    readonly maxNorm: number;
    readonly normType: number | 'Infinity';
    readonly gradients: readonly GoldenTensor[];
    readonly norm: GoldenTensor;
    readonly clipped: readonly GoldenTensor[];
  }[];
}

interface Training {
  readonly losses: readonly number[];
  /** Before clipping. */
  readonly gradientNorms: readonly number[];
  /** After the last step, by parameter. */
  readonly final: Readonly<Record<string, { readonly sum: number; readonly sumOfSquares: number }>>;
}

export interface ClassifierGolden {
  readonly config: Readonly<
    Record<'vocabSize' | 'dim' | 'maxLength' | 'layers' | 'heads' | 'dimHead' | 'classes', number>
  >;
  readonly training: Readonly<Record<'lr' | 'weightDecay' | 'warmupSteps' | 'totalSteps' | 'maxNorm', number>>;
  /** As constructed after `manualSeed(0)`. */
  readonly state: GoldenTensors;
  readonly batches: readonly {
    readonly inputIds: GoldenTensor;
    readonly attentionMask: GoldenTensor;
    readonly labels: GoldenTensor;
    readonly logits: GoldenTensor;
  }[];
  /** The learning rate of each step. */
  readonly rates: readonly number[];
  readonly float32: Training;
  readonly float64: Training;
}

/** Published models: what a saved file holds, and what the class makes of its inputs. */
export interface PublishedGolden {
  readonly cases: readonly {
    readonly name: string;
    readonly model: string;
    readonly config: GoldenOptions;
    readonly state: GoldenTensors;
    readonly inputs: GoldenTensors & { readonly inputIds: GoldenTensor };
    readonly outputs: GoldenTensors;
    readonly gradients: GoldenTensors;
  }[];
}

/** See tests/goldens/float64.py. */
export interface Float64Golden {
  readonly arguments: readonly number[];
  readonly functions: Readonly<Record<string, readonly number[]>>;
  readonly seed: number;
  readonly draws: Readonly<Record<string, readonly number[]>>;
  readonly adam: readonly (readonly number[])[];
  readonly fractions: readonly number[];
  readonly casts: Readonly<Record<'int32' | 'uint8' | 'bool' | 'float32', readonly number[]>>;
  readonly uint8: {
    readonly left: readonly number[];
    readonly right: readonly number[];
    readonly results: Readonly<Record<string, readonly number[]>>;
  };
}

export interface EmptyGolden {
  readonly cases: readonly {
    /** An expression over `x`, `y` and `z`. */
    readonly here: string;
    /** Of the operands. */
    readonly shapes: readonly (readonly number[])[];
    readonly integers: readonly boolean[];
    /** What PyTorch says where it refuses. */
    readonly error?: string;
    readonly result?: GoldenTensor;
    readonly gradients?: readonly (GoldenTensor | null)[];
  }[];
}

export interface Goldens {
  ops: OpsGolden;
  indexing: OpsGolden;
  reductions: OpsGolden;
  networks: OpsGolden;
  creation: CreationGolden;
  layers: LayersGolden;
  modules: ModulesGolden;
  readonly scripts: ScriptsGolden;
  optimizers: OptimizersGolden;
  classifier: ClassifierGolden;
  published: PublishedGolden;
  float64: Float64Golden;
  empty: EmptyGolden;
}
