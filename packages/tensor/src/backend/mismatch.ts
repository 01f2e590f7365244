/**
 * What is said where tensors of two devices meet. After a device was lost there may be two of one kind, the one that is gone and its successor:
 * the message tells them apart, and what becomes of the tensors.
 */
import { DeviceError } from '../errors.js';
import type { Backend } from './backend.js';

type Place = Pick<Backend, 'kind' | 'isLost' | 'info'>;

/** The error of an op whose operands are on two devices. */
export function deviceMismatch(op: string, first: Place, other: Place): DeviceError {
  const said = `${op}: Expected all tensors to be on the same device, but found ${nameOf(first)} and ${nameOf(other)}`;
  const advice =
    'what was on a lost device is gone with it: make its tensors anew, and load parameters from where they were saved';
  return new DeviceError(first.isLost || other.isLost ? `${said}; ${advice}` : said);
}

function nameOf(backend: Place): string {
  return backend.isLost ? `${backend.kind} (the lost device '${backend.info().adapter}')` : backend.kind;
}
