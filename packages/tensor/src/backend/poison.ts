/**
 * Fresh memory holds anything: whoever reads what nobody wrote has to find out. `COURSE_POISON=1` has both devices fill every piece of memory
 * that they hand out with words that are NaN in each floating dtype, and truth values and indices that cannot be meant.
 */
import { environment } from '#platform';

/** NaN as float32, as either half of it as float16, and as either half of a float64. */
export const POISON = 0x7fff_7fff;

/** Whether memory is to be filled. */
export function isPoisoned(): boolean {
  return environment('COURSE_POISON') === '1';
}
