/** What the columns of a data set hold, by the names of Hugging Face's `datasets`: declared by a file, or seen in the rows. */

/** What a column holds. */
export type Feature =
  /** One value: `int64`, `float64`, `string`, `bool`, `binary`, `timestamp`, `null`, or a type that a file declares. */
  | { readonly type: 'Value'; readonly dtype: string }
  /** A class, as a whole number; its name is the one at that place. */
  | { readonly type: 'ClassLabel'; readonly names: readonly string[] }
  /** A list of values. */
  | { readonly type: 'Sequence'; readonly feature: Feature }
  /** An object with fields. */
  | { readonly type: 'Struct'; readonly fields: Features };

/** What each column holds, by name. */
export type Features = { readonly [column: string]: Feature };

/** What a value is an example of. */
export function featureOfValue(value: unknown): Feature {
  if (Array.isArray(value)) return { type: 'Sequence', feature: common(value.map(featureOfValue)) };
  if (ArrayBuffer.isView(value)) {
    if (value instanceof Uint8Array) return { type: 'Value', dtype: 'binary' };
    const isFloat = value instanceof Float32Array || value instanceof Float64Array;
    return { type: 'Sequence', feature: { type: 'Value', dtype: isFloat ? 'float64' : 'int64' } };
  }
  if (value instanceof Date) return { type: 'Value', dtype: 'timestamp' };
  switch (typeof value) {
    case 'number':
      return { type: 'Value', dtype: Number.isInteger(value) ? 'int64' : 'float64' };
    case 'bigint':
      return { type: 'Value', dtype: 'int64' };
    case 'string':
      return { type: 'Value', dtype: 'string' };
    case 'boolean':
      return { type: 'Value', dtype: 'bool' };
    case 'object':
      if (value !== null) {
        const fields = Object.entries(value).map(([name, field]) => [name, featureOfValue(field)]);
        return { type: 'Struct', fields: Object.fromEntries(fields) };
      }
      return { type: 'Value', dtype: 'null' };
    default:
      return { type: 'Value', dtype: 'null' };
  }
}

/** What values of all the given kinds are together. */
export function common(features: readonly Feature[]): Feature {
  let result: Feature = { type: 'Value', dtype: 'null' };
  for (const feature of features) result = joined(result, feature);
  return result;
}

function joined(a: Feature, b: Feature): Feature {
  if (a.type === 'Value' && a.dtype === 'null') return b;
  if (b.type === 'Value' && b.dtype === 'null') return a;
  if (a.type === 'Sequence' && b.type === 'Sequence')
    return { type: 'Sequence', feature: joined(a.feature, b.feature) };
  if (a.type === 'Value' && b.type === 'Value' && a.dtype !== b.dtype) {
    const numbers = ['int64', 'float64'];
    return { type: 'Value', dtype: numbers.includes(a.dtype) && numbers.includes(b.dtype) ? 'float64' : 'mixed' };
  }
  return a.type === b.type ? a : { type: 'Value', dtype: 'mixed' };
}
