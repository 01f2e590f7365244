/** The best of many: selection of a few values among hundreds of thousands, without sorting them. */

/** The places of the `count` largest of the first `length` values, largest first, leaving some out. One pass: `count` is small. */
export function largest(values: Float32Array, count: number, length: number, without: ReadonlySet<number>): number[] {
  const places: number[] = [];
  const end = Math.min(values.length, length);
  for (let at = 0; at < end && count > 0; at++) {
    const value = values[at]!;
    if (places.length === count && value <= values[places[count - 1]!]!) continue;
    if (without.has(at)) continue;
    let to = places.length < count ? places.length : count - 1;
    while (to > 0 && values[places[to - 1]!]! < value) {
      places[to] = places[to - 1]!;
      to--;
    }
    places[to] = at;
  }
  return places;
}
