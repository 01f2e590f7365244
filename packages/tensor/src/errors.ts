/**
 * The errors of every package. A caller can tell by class what went wrong and by message what would have fitted;
 * messages use PyTorch's words where PyTorch has them. Nothing in the project throws a bare `Error` or a string.
 */

/** Base class of every error the packages throw, so that `instanceof CourseError` separates them from foreign errors. */
export class CourseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit an operation: the message names the op, the shapes and what would fit. */
export class ShapeError extends CourseError {}

/** A dtype that an operation does not take, or that a device cannot hold. */
export class DTypeError extends CourseError {}

/** No usable device, a lost device, memory used up, or operands on different devices. */
export class DeviceError extends CourseError {}

/** A tensor was used after its memory was released. */
export class DisposedError extends CourseError {}

/** A file whose content is not what its format promises: the message names the file and the place in it. */
export class FormatError extends CourseError {}

/** An argument or option outside its domain: the message names it and what it may be. */
export class ArgumentError extends CourseError {}

/** A misuse of autograd: no graph, a freed graph, a changed saved value. */
export class AutogradError extends CourseError {}
