/** What all matmul kernels share: bindings, parameters, the place of a tile in the batch, and the epilogue. */
import type { ParameterType } from '../../params.js';
import type { MatmulTile } from '../../tuning.js';
import { PLACE, prelude } from '../wgsl/prelude.js';
import { type BindingSource, type Element, f32, lines, read, u32, write } from '../wgsl/source.js';
import type { MatmulVariant } from './matmul.js';
import { stepsBindings, stepsParams, stepsText } from './steps.js';
import { windowsParams } from './windows.js';

/** Rows of tiles that a GPU's workgroups walk together: of 32 x 32 tiles a hundred at work then read 8 + 13 rows and columns, row by row 4 + 32. */
const BAND = 8;

const element = (isVector: boolean): Element => (isVector ? 'vec4<f32>' : 'f32');

/** Columns of the output that a workgroup computes: the lanes that split k share theirs. */
export function columnsOfTile({ memory, columns, groupColumns }: MatmulTile): number {
  return memory === 'lanes' ? columns : columns * groupColumns;
}

export function matmulBindings(variant: MatmulVariant): BindingSource[] {
  const { vectorA, vectorB } = variant;
  return [read('a', element(vectorA)), read('b', element(vectorB)), ...storeBindings(variant)];
}

/** The bindings of the epilogue, and of what is written. */
export function storeBindings({ vectorOut, bias, hasResidual, steps }: MatmulVariant): BindingSource[] {
  return [
    ...(bias === 'none' ? [] : [read('bias', element(vectorOut && bias === 'columns'))]),
    ...(hasResidual ? [read('residual', element(vectorOut))] : []),
    ...(steps && !steps.keepsProduct ? [] : [write('out', element(vectorOut))]),
    ...(steps ? stepsBindings(steps, vectorOut ? 4 : 1) : []),
  ];
}

export function matmulParams(variant: MatmulVariant): Record<string, ParameterType> {
  const { batchRank, isSplit, steps, placed, bias, windows } = variant;
  const perBatch = Array.from({ length: batchRank }, (_, d) => [`batch${d}`, `aBatch${d}`, `bBatch${d}`]).flat();
  return {
    ...u32(
      'm',
      'n',
      'k',
      'tilesM',
      'tilesN',
      'tiles',
      'aOffset',
      'bOffset',
      'aRow',
      'bRow',
      'outOffset',
      'biasOffset',
      'residualOffset',
    ),
    ...(isSplit ? u32('slices', 'slice') : {}),
    ...f32('alpha'),
    ...u32(...perBatch),
    ...(placed ? u32('outRow', ...Array.from({ length: batchRank }, (_, d) => `outBatch${d}`)) : {}),
    ...(bias === 'rows' ? u32('biasRows') : {}),
    ...(windows ? windowsParams : {}),
    ...(steps ? stepsParams(steps) : {}),
  };
}

/** Finds `tileM`, `tileN` and `batch` of the workgroup, its steps of k, and where A, B and the output start for that batch. */
export function matmulPlace(variant: MatmulVariant): string {
  const { batchRank, parts, vectorOut, isSplit, placed, tile } = variant;
  const coordinates = Array.from({ length: batchRank }, (_, i) => batchRank - 1 - i).map((d) => {
    const coordinate = d === 0 ? 'rest' : `rest % p.batch${d}`;
    return `let batch${d} = ${coordinate};\n${d > 0 ? `rest /= p.batch${d};\n` : ''}aStart += batch${d} * p.aBatch${d};\nbStart += batch${d} * p.bBatch${d};${placed ? `\noutStart += batch${d} * p.outBatch${d};` : ''}`;
  });
  // Each of several products has an array of its own.
  const dense =
    parts > 1
      ? 'let outStart = 0u;'
      : `let outStart = ${isSplit ? 'place' : 'batch'} * p.m * p.n${vectorOut ? ' / 4u' : ''};`;
  const tileRows = tile.rows * tile.groupRows;
  return [
    'if (group >= p.tiles) {',
    '  return;',
    '}',
    ...(tile.memory === 'shared'
      ? [
          `// Bands of ${BAND} rows of tiles, walked down and then across: workgroups that run together share rows of A and columns of B.`,
          'let tile = group % (p.tilesM * p.tilesN);',
          `let band = (tile / (${BAND}u * p.tilesN)) * ${BAND}u;`,
          `let bandRows = min(${BAND}u, p.tilesM - band);`,
          'let tileM = band + (tile - band * p.tilesN) % bandRows;',
          'let tileN = (tile - band * p.tilesN) / bandRows;',
        ]
      : [
          '// Neighbouring workgroups share rows of A.',
          'let tileN = group % p.tilesN;',
          'let tileM = (group / p.tilesN) % p.tilesM;',
        ]),
    ...(placed === 'lowerOut'
      ? [`if (tileN * ${columnsOfTile(tile)}u >= (tileM + 1u) * ${tileRows}u) {`, '  return;', '}']
      : []),
    ...(isSplit
      ? [
          '// The slices of a product lie behind one another.',
          'let place = group / (p.tilesN * p.tilesM);',
          'let batch = place / p.slices;',
          'let firstK = (place % p.slices) * p.slice;',
          'let endK = min(p.k, firstK + p.slice);',
        ]
      : [
          'let batch = group / (p.tilesN * p.tilesM);',
          // From a whole vector on; nothing at all where k ends before the diagonal.
          placed === 'upperA' ? `let firstK = min(p.k, (tileM * ${tileRows}u) & ~3u);` : 'let firstK = 0u;',
          placed === 'lowerA' ? `let endK = min(p.k, (tileM + 1u) * ${tileRows}u);` : 'let endK = p.k;',
        ]),
    ...biasPlace(variant),
    'var aStart = p.aOffset;',
    'var bStart = p.bOffset;',
    ...(batchRank > 0 ? [batchRank > 1 ? 'var rest = batch;' : 'let rest = batch;'] : []),
    ...(placed ? ['var outStart = 0u;'] : []),
    ...coordinates,
    ...(placed ? [] : [dense]),
  ].join('\n');
}

/** Where rows have a bias each: the place of the first row's, from the number of the product in the batch on. */
export function biasPlace({ bias }: MatmulVariant): string[] {
  return bias === 'rows' ? ['firstBias = p.biasOffset + batch * p.m % p.biasRows;'] : [];
}

/** `store(row, column, value)`: the epilogue over four columns from `column` on, as far as they lie inside the output. */
export function matmulStore(variant: MatmulVariant): string {
  const { vectorOut, bias, hasResidual, activation, steps, placed } = variant;
  const width = vectorOut ? 4 : 1;
  const activate = (value: string) =>
    activation === 'none' ? value : `${activation}${width === 4 ? '4' : ''}(${value})`;
  const following = steps && stepsText(steps, width);
  const called = [...(activation === 'none' ? [] : [activation]), ...(following?.helpers ?? [])];
  const declarations = [
    ...(bias === 'rows' ? ['// The bias of the first row.\nvar<private> firstBias: u32;'] : []),
    ...(following?.usesPlace ? [PLACE] : []),
    ...(called.length > 0 ? [prelude(called, width)] : []),
  ];
  const added = (column: string) =>
    ({ none: '', columns: ` + bias[p.biasOffset + ${column}]`, rows: ' + bias[firstBias + row]' })[bias];
  const helpers = declarations.map((text) => `${text}\n\n`).join('');
  const leave = following
    ? [`let product = ${activate('sum')};`, ...following.body].map((line) => `  ${line}`).join('\n')
    : `  out[p.outOffset + i] = ${activate('sum')}${hasResidual ? ' + residual[p.residualOffset + i]' : ''};`;
  if (vectorOut) {
    return `${helpers}fn store(outStart: u32, row: u32, column: u32, value: vec4<f32>) {
  if (row >= p.m || column >= p.n) {
    return;
  }
  let i = outStart + ${placed ? 'row * p.outRow + column / 4u' : '(row * p.n + column) / 4u'};
  let sum = value * p.alpha${added('column / 4u')};
${leave}
}`;
  }
  return `${helpers}fn storeOne(outStart: u32, row: u32, column: u32, value: f32) {
  if (row >= p.m || column >= p.n) {
    return;
  }
  let i = outStart + row * ${placed ? 'p.outRow' : 'p.n'} + column;
  let sum = value * p.alpha${added('column')};
${leave}
}

fn store(outStart: u32, row: u32, column: u32, value: vec4<f32>) {
${lines(4, (c) => `  storeOne(outStart, row, column + ${c}u, value[${c}]);`)}
}`;
}
