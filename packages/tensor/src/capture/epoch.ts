/** When recordings become void all at once: counted where tensors and modules can reach it without the code that records. */

/** Grows whenever something changes that decides what functions do and that no recording can see. */
export const epoch = { count: 0 };

/**
 * Makes every captured function run and record again at its next call. For code that changes what a function does other than by its
 * arguments and the values of tensors: `Module.train()` and `eval()` call it, and so do freezing a parameter and moving a module.
 */
export function resetCaptures(): void {
  epoch.count++;
}
