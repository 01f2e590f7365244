/** Bytes that can be read in part: a file, a Blob, a server that answers ranges, a buffer. */
export interface RandomAccess {
  /** What error messages call it. */
  readonly name: string;
  /** Its length in bytes. */
  readonly size: number;
  /**
   * The bytes from `offset` on, in a buffer of their own.
   *
   * @throws FormatError when fewer than `length` bytes are there.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** As `read`, into bytes that the caller has and fills: a large file leaves no garbage behind. Where it is absent, `read` is all there is. */
  readInto?(target: Uint8Array<ArrayBuffer>, offset: number): Promise<void>;
  /** Releases what is held open; reading is over then. */
  close(): Promise<void>;
}
