/** A request in words, for errors that name it. */
import type { KernelRequest } from './requests.js';

/** `the request 'matmul' (m 2, n 3, …, batch [4])`. */
export function describeRequest({ kind, ...request }: KernelRequest): string {
  const parts = Object.entries(request).flatMap(([name, value]) => {
    if (Array.isArray(value))
      return value.every((item) => typeof item === 'number') ? [`${name} [${value.join(', ')}]`] : [];
    return typeof value === 'object' ? [] : [`${name} ${value}`];
  });
  return `the request '${kind}' (${parts.join(', ')})`;
}
