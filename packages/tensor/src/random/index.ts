/** The random host side of the package: engine, generator, the shared default one, and the distributions. */
export { defaultGenerator, initialSeed, manualSeed, seed } from './default.js';
export { fillBernoulli, fillExponential, fillNormal, fillRandint, fillRandperm, fillUniform } from './distributions.js';
export { Generator, type PhiloxKey } from './generator.js';
export { Mt19937, type Mt19937State } from './mt19937.js';
