// Writes the ONNX models that onnxruntime is measured with: a graph is a list of nodes and a map of weights, encoded by protobufjs from the
// fields of onnx.proto that they need. Nothing lies in files: weights are random.
import protobuf from 'protobufjs';
import { numbers } from './harness.mjs';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message OperatorSetId { string domain = 1; int64 version = 2; }
  message Attribute { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message Dim { int64 dim_value = 1; string dim_param = 2; }
  message Shape { repeated Dim dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message Model { int64 ir_version = 1; Graph graph = 7; repeated OperatorSetId opset_import = 8; }
`);
const Model = root.lookupType('Model');
const [FLOAT, INT64] = [1, 7];
const [IS_FLOAT, IS_INT, ARE_INTS] = [1, 2, 7];

function attribute([name, value]) {
  if (Array.isArray(value)) return { name, ints: value, type: ARE_INTS };
  return Number.isInteger(value) ? { name, i: value, type: IS_INT } : { name, f: value, type: IS_FLOAT };
}

/** A size that differs from call to call is given by a name. */
function valueInfo(name, shape, elemType = FLOAT) {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** A graph under construction; values are named, and `op` returns the name of its output. */
class Graph {
  nodes = [];
  initializers = [];
  #count = 0;

  op(opType, input, attributes = {}) {
    const output = `${opType}_${this.#count++}`;
    this.nodes.push({ opType, input, output: [output], attribute: Object.entries(attributes).map(attribute) });
    return output;
  }

  #constant(dims, dataType, array) {
    const name = `constant_${this.#count++}`;
    const rawData = new Uint8Array(array.buffer);
    this.initializers.push({ name, dims, dataType, rawData });
    return name;
  }

  weight(dims, scale = 1) {
    const count = dims.reduce((a, b) => a * b, 1);
    return this.#constant(dims, FLOAT, numbers(count, scale));
  }

  /** Numbers that are there already. */
  values(dims, array) {
    return this.#constant(dims, FLOAT, array);
  }

  scalar(value) {
    return this.#constant([], FLOAT, Float32Array.of(value));
  }

  shape(sizes) {
    return this.#constant([sizes.length], INT64, BigInt64Array.from(sizes, BigInt));
  }
}

/** The bytes of a graph: inputs as descriptions of values, outputs as pairs of the name inside and the name outside. */
function encodeGraph(g, input, outputs) {
  for (const [inside, outside] of outputs) g.nodes.push({ opType: 'Identity', input: [inside], output: [outside] });
  const graph = {
    name: 'bench',
    node: g.nodes,
    initializer: g.initializers,
    input,
    output: outputs.map(([, name]) => ({ name })),
  };
  return Model.encode(Model.fromObject({ irVersion: 8, graph, opsetImport: [{ domain: '', version: 17 }] })).finish();
}

/** GELU as PyTorch's exporter writes it; onnxruntime fuses it. */
function gelu(g, x) {
  const erf = g.op('Erf', [g.op('Div', [x, g.scalar(Math.SQRT2)])]);
  const sum = g.op('Add', [erf, g.scalar(1)]);
  return g.op('Mul', [g.op('Mul', [x, sum]), g.scalar(0.5)]);
}

function layerNorm(g, x, width) {
  return g.op('LayerNormalization', [x, g.weight([width]), g.weight([width])], { axis: -1, epsilon: 1e-5 });
}

function attend(g, q, keys, v) {
  const scores = g.op('Mul', [g.op('MatMul', [q, keys]), g.scalar(0.125)]);
  return g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), v]);
}

function bertLayer(g, x, batch) {
  const linear = (value, inputs, outputs) =>
    g.op('Add', [g.op('MatMul', [value, g.weight([inputs, outputs], 0.03)]), g.weight([outputs])]);
  const heads = (value, perm) => g.op('Transpose', [g.op('Reshape', [value, g.shape([batch, 128, 12, 64])])], { perm });
  const q = heads(linear(x, 768, 768), [0, 2, 1, 3]);
  const keys = heads(linear(x, 768, 768), [0, 2, 3, 1]);
  const v = heads(linear(x, 768, 768), [0, 2, 1, 3]);
  const context = g.op('Transpose', [attend(g, q, keys, v)], { perm: [0, 2, 1, 3] });
  const joined = g.op('Reshape', [context, g.shape([batch, 128, 768])]);
  const attended = layerNorm(g, g.op('Add', [x, linear(joined, 768, 768)]), 768);
  const raised = gelu(g, linear(attended, 768, 3072));
  return layerNorm(g, g.op('Add', [attended, linear(raised, 3072, 768)]), 768);
}

/** One entry a workload: the shapes of the inputs and the graph from their names to that of the output. */
export const models = {
  'softmax [4096, 512]': [{ x: [4096, 512] }, (g) => g.op('Softmax', ['x'], { axis: -1 })],
  'layer norm [4096, 768]': [{ x: [4096, 768] }, (g) => layerNorm(g, 'x', 768)],
  'GELU [4096, 3072]': [{ x: [4096, 3072] }, (g) => gelu(g, 'x')],
  'attention B8 H12 T128 d64': [
    { q: [8, 12, 128, 64], k: [8, 12, 128, 64], v: [8, 12, 128, 64] },
    (g) => attend(g, 'q', g.op('Transpose', ['k'], { perm: [0, 1, 3, 2] }), 'v'),
  ],
  // One session a call, as in a program whose operations are not known beforehand; the caller repeats it.
  'small op': [{ x: [64], one: [64] }, (g) => g.op('Add', ['x', 'one'])],
};
for (const n of [256, 512, 1024]) {
  models[`matmul ${n}`] = [{ a: [n, n], b: [n, n] }, (g) => g.op('MatMul', ['a', 'b'])];
}
for (const batch of [1, 8]) {
  models[`BERT-base shape, batch ${batch}`] = [
    { x: [batch, 128, 768] },
    (g) => {
      let x = 'x';
      for (let layer = 0; layer < 12; layer++) x = bertLayer(g, x, batch);
      return x;
    },
  ];
}

/** The bytes of a model. */
export function encode([inputs, build]) {
  const g = new Graph();
  const result = build(g);
  return encodeGraph(
    g,
    Object.entries(inputs).map(([name, shape]) => valueInfo(name, shape)),
    [[result, 'y']],
  );
}

/**
 * A classifier of BERT's kind as transformers exports it: ids, mask and token types of any batch and length to logits.
 *
 * @param config Its `config.json`.
 * @param weights Float32Arrays by their published names.
 */
export function encodeBertClassifier(config, weights) {
  const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
  const g = new Graph();
  const tensor = (name, dims) => g.values(dims, weights.get(name));
  const transposed = (name, [rows, columns]) => {
    const values = weights.get(name);
    const turned = Float32Array.from(
      { length: values.length },
      (_, i) => values[(i % rows) * columns + Math.floor(i / rows)],
    );
    return g.values([columns, rows], turned);
  };
  const linear = (x, name, inputs, outputs) =>
    g.op('Add', [
      g.op('MatMul', [x, transposed(`${name}.weight`, [outputs, inputs])]),
      tensor(`${name}.bias`, [outputs]),
    ]);
  const norm = (x, name) =>
    g.op('LayerNormalization', [x, tensor(`${name}.weight`, [width]), tensor(`${name}.bias`, [width])], {
      axis: -1,
      epsilon,
    });
  const table = (name) => {
    const values = weights.get(`bert.embeddings.${name}_embeddings.weight`);
    return g.values([values.length / width, width], values);
  };
  const time = g.op('Gather', [g.op('Shape', ['input_ids']), g.shape([1])], { axis: 0 });
  const places = g.op('Slice', [table('position'), g.shape([0]), time, g.shape([0])]);
  const words = g.op('Gather', [table('word'), 'input_ids'], { axis: 0 });
  const types = g.op('Gather', [table('token_type'), 'token_type_ids'], { axis: 0 });
  let x = norm(g.op('Add', [g.op('Add', [words, types]), places]), 'bert.embeddings.LayerNorm');
  const hidden = g.op('Sub', [g.scalar(1), g.op('Cast', ['attention_mask'], { to: FLOAT })]);
  const mask = g.op('Unsqueeze', [g.op('Mul', [hidden, g.scalar(-3.4e38)]), g.shape([1, 2])]);
  const split = (value, perm) =>
    g.op('Transpose', [g.op('Reshape', [value, g.shape([0, 0, heads, width / heads])])], { perm });
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `bert.encoder.layer.${layer}`;
    const q = split(linear(x, `${at}.attention.self.query`, width, width), [0, 2, 1, 3]);
    const keys = split(linear(x, `${at}.attention.self.key`, width, width), [0, 2, 3, 1]);
    const v = split(linear(x, `${at}.attention.self.value`, width, width), [0, 2, 1, 3]);
    const scores = g.op('Div', [g.op('MatMul', [q, keys]), g.scalar(Math.sqrt(width / heads))]);
    const shares = g.op('Softmax', [g.op('Add', [scores, mask])], { axis: -1 });
    const context = g.op('Transpose', [g.op('MatMul', [shares, v])], { perm: [0, 2, 1, 3] });
    const joined = g.op('Reshape', [context, g.shape([0, 0, width])]);
    const attended = linear(joined, `${at}.attention.output.dense`, width, width);
    x = norm(g.op('Add', [attended, x]), `${at}.attention.output.LayerNorm`);
    const raised = gelu(g, linear(x, `${at}.intermediate.dense`, width, config.intermediate_size));
    const lowered = linear(raised, `${at}.output.dense`, config.intermediate_size, width);
    x = norm(g.op('Add', [lowered, x]), `${at}.output.LayerNorm`);
  }
  const first = g.op('Squeeze', [g.op('Gather', [x, g.shape([0])], { axis: 1 }), g.shape([1])]);
  const pooled = g.op('Tanh', [linear(first, 'bert.pooler.dense', width, width)]);
  const logits = linear(pooled, 'classifier', width, Object.keys(config.id2label).length);
  const inputs = ['input_ids', 'attention_mask', 'token_type_ids'];
  return encodeGraph(
    g,
    inputs.map((name) => valueInfo(name, ['batch', 'time'], INT64)),
    [[logits, 'logits']],
  );
}
