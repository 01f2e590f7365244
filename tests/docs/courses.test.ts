// Every example of the courses has its page, its README, and its figure, and they name each other; nothing is left of examples that are
// gone. What the figures show is not compared: `npm run figures` draws them, and eyes look at them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../examples/src/course/catalogue.js';
import { at } from '../../scripts/paths.mjs';

const names = Object.keys(catalogue);
const index = readFileSync(at('docs/courses.md'), 'utf8');

describe.each(names)('%s', (name) => {
  const readme = readFileSync(at('examples/src', name, 'README.md'), 'utf8');

  it('has a README with its title, its command and its figure', async () => {
    const { example } = await catalogue[name]!.load();
    expect(readme.split('\n', 1)[0]).toBe(`# ${example.title}`);
    expect(readme).toContain(`\nnpm run example ${name}\n`);
    expect(readme.includes(`\nnpm run example ${name} -- --exercise\n`)).toBe(example.exercise !== undefined);
    expect(readme).toMatch(new RegExp(`!\\[[^\\]]{12,}\\]\\(\\.\\./\\.\\./\\.\\./docs/figures/${name}\\.svg\\)`));
    for (const heading of ['What to look at', 'Numbers', 'Options']) expect(readme).toContain(`\n## ${heading}\n`);
  });

  it('has a figure that is small and complete', () => {
    const file = at('docs/figures', `${name}.svg`);
    expect(statSync(file).size).toBeLessThan(60_000);
    const figure = readFileSync(file, 'utf8');
    expect(figure).toMatch(/^<svg xmlns[^>]* viewBox="0 0 860 [\d.]+">.*<\/svg>\n$/s);
    // Nothing that a page would run or load, and no number with more digits than can be seen.
    expect(figure).not.toMatch(/<script|<image|href=|NaN|undefined|\d\.\d{4}e?[^<]*"/);
  });

  it('stands in the index, with its figure', () => {
    expect(index).toContain(`[\`${name}\`](../examples/src/${name}/README.md)`);
    expect(index).toContain(`](figures/${name}.svg)`);
  });
});

it('no figure is of an example that there is not', () => {
  expect(readdirSync(at('docs/figures')).sort()).toEqual(names.map((name) => `${name}.svg`).sort());
});

it('the commands of the READMEs have options that there are', async () => {
  for (const name of names) {
    const readme = readFileSync(at('examples/src', name, 'README.md'), 'utf8');
    for (const [, example = '', options = ''] of readme.matchAll(/^npm run example (\S+)(?: -- (.*))?$/gm)) {
      expect(example).toBe(name);
      for (const [option] of options.matchAll(/--\w+/g))
        expect(['--exercise', '--data', '--model', '--epochs', '--seed']).toContain(option);
    }
  }
});
