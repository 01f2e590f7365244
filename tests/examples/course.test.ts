// What holds for every example of the courses: it runs on both devices and draws its page; its exercise stops at each gap by name and
// runs once the gaps hold the solution's lines. The numbers of single examples are in the tests beside this one.
import { init } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../examples/src/course/catalogue.js';
import { GapError } from '../../examples/src/course/gap.js';
import { devices, onEachDevice } from '../support/devices.js';
import { drawCourse, runCourse, runWith } from './support/course.js';

onEachDevice('every example of the courses', () => {
  it.each(Object.keys(catalogue))(
    '%s runs and draws its page',
    async (name) => {
      const { code, errors, text, page, picture } = await drawCourse(name);
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      expect(text).toContain('The figures are in');
      expect(page).toMatch(/data-figure="0"/);
      expect(picture).toMatch(/^<svg .*<text .*<path .*<\/svg>\n$/s);
    },
    120_000,
  );
});

// What is a gap does not depend on the device.
describe('the exercises', () => {
  beforeAll(() => init({ device: devices[0] ?? 'cpu' }));

  describe.each(Object.keys(catalogue))('the exercise of %s', (name) => {
    it('names every gap that is open, and runs when all are filled', async () => {
      const { example } = await catalogue[name]!.load();
      const { exercise, solution } = example;
      if (!exercise) return;
      const gaps = Object.keys(exercise).filter((part) => part in solution);
      expect(gaps.sort()).toEqual(Object.keys(solution).sort());
      for (const gap of gaps) {
        const open = { ...solution, [gap]: (exercise as Readonly<Record<string, unknown>>)[gap] };
        const error = await runWith(example, open).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error, gap).toBeInstanceOf(GapError);
      }
      await runWith(example, { ...exercise, ...solution });
    }, 120_000);
  });
});

describe('the command', () => {
  it('says which gap is open, and where', async () => {
    const { code, errors } = await runCourse('attention-matrix', '--exercise');
    expect(code).toBe(1);
    expect(errors).toMatch(
      /the gap 'project' is still open: .*Fill it in in examples\/src\/attention-matrix\/exercise\.ts\.\n$/,
    );
  });

  it('refuses what it does not know', async () => {
    const { code, errors } = await runCourse('attention-matrix', '--epoch', '3');
    expect({ code, errors }).toMatchObject({
      code: 1,
      errors: expect.stringContaining("unknown option '--epoch'") as string,
    });
    const none = await runCourse('scaled-dot-product', '--exercise');
    expect(none.errors).toContain('has no exercise');
  });
});
