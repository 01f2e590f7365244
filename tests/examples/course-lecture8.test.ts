// What the examples of lecture 8 come to with their quick settings: the same conclusions as in the lecture, on data small enough for a test.
// Accuracies are held to bounds that a guess (a half, or one in so many) does not reach by chance: 160 reviews, standard deviation 4 %.
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { runCourse } from './support/course.js';

onEachDevice('lecture 8', () => {
  it('bag of words: learns, and judges "not too terrible" by its single words', async () => {
    const { values, text } = await runCourse('bag-of-words');
    expect((values.val_acc as number[]).at(-1)).toBeGreaterThan(0.65);
    expect(values['Predicted positiveness']).toBeLessThan(0.5);
    const worth = values['What each word adds'] as Record<string, number>;
    expect(Object.keys(worth)).toEqual(['the', 'restaurant', 'is', 'not', 'too', 'terrible']);
    expect(worth.terrible).toBeLessThan(0);
    expect(text).toContain('(dropout1): Dropout(p=0.5, inplace=False)');
  }, 120_000);

  it('embedding and pooling: the words that the labels speak of', async () => {
    const { values } = await runCourse('embedding-pooling');
    expect(Math.max(...(values.val_acc as number[]))).toBeGreaterThan(0.65);
    expect(values['Pooled as it is']).toEqual([2, 100, 1]);
    expect(values['Pooled with the words last']).toEqual([2, 20, 1]);
    // The last of these are the words in front, which pad with zeros.
    const [row] = values['A review as the model sees it'] as number[][];
    expect(row).toHaveLength(40);
    expect(values['Most positive']).toContain('great');
    expect(values['Most negative']).toContain('awful');
  }, 120_000);
});
