// Sentences with one judgement in them. A frame is text with slots; a slot with a sign is filled with a word whose
// polarity is that of the review (`+`) or the opposite (`-`), so each frame that turns its word is written once and
// serves both labels. `writer.ts` says what each slot stands for. A number in front of a frame is how often it is drawn,
// beside 1 for the others of its group.
import type { Kind, Polarity } from './lexicon.js';

/** A sentence with slots. */
export interface Frame {
  readonly text: string;
  /** Set where the words of the frame itself decide the label. */
  readonly only?: Polarity;
  /** Set where it suits only some topics, by what the topic's thing is. */
  readonly topics?: readonly Kind[];
}

/** Frames that take turns; `share` is in percent of all reviews. */
export interface FrameGroup {
  readonly share: number;
  readonly frames: readonly Frame[];
}

/** The frames in `text`: one to a line, after its number if it has one. */
export function frames(text: string, options: Omit<Frame, 'text'> = {}): Frame[] {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .flatMap((line) => {
      const [, times = '1', body = line] = /^(\d+) (.*)/.exec(line) ?? [];
      return Array<Frame>(Number(times)).fill({ text: body, ...options });
    });
}

const art: readonly Kind[] = ['story'];
const venue: readonly Kind[] = ['eatery', 'place'];

/** The thing and its parts are called good or bad, outright or by a turned word. */
const plain: FrameGroup = {
  share: 25,
  frames: [
    ...frames(`
      6 {part} {be} {+qual}
      6 {whole} {be} {+qual}
      2 I found {part} {+free}
      I thought {whole} was {+qual}
      2 {part} {be} {+qual} and {part} {be} {+qual}
      2 {whole} {be} {+qual}, and {part} {be} {+qual}
      2 {+part} and {+part}
      {+part}, {+part}, {+part}
      2 {+free}, this {item}
      2 {part} {be} {+own} and {+own}
      what a {+item}
      2 a {+item} with {+some}
      a {+own} and {+own} {item}
      a {+adj} {item}, full of {+stuff}
      what a {+verdict}: {+part} and {+part}
      {whole} is a {+verdict}, and {part} {be} {+adj}
      {whole} is full of {+stuff}, and {part} {be} {+adj}
      we were {+felt}: {part} {was} {+adj}
      {part} {+effected} me, and {part} {was} {+adj}
      2 I {+loved} it: {+part} and {+part}
      I {+loved} {whole}: {part} {be} {+adj}
      I {+loved} {part} and {part}
      {part} {be} not just {+mild}, but {+extreme}
      {whole} {be} not just {+mild} but {+extreme}
      nobody can deny that {part} {be} {+adj}`),
    ...frames(`{+free} from start to finish`, { topics: art }),
  ],
};

/** The sentence around the word turns it. */
const turned: FrameGroup = {
  share: 5,
  frames: frames(`
    nobody could call {part} {-adj}
    I would not call {whole} {-adj}
    2 I did not find {part} {-adj}
    I cannot say that {part} {was} {-adj}
    only a fool would call {part} {-adj}
    2 there is nothing {-adj} about {whole}
    there is not a single {-unit} in {whole}
    they say {whole} {be} {-adj}, but it is not
    they say {whole} {be} {+adj}, and it is
    {part} {be} the only {-any} thing about {whole}
    neither {part} nor {part} {be} {-any}
    {whole} {be} neither {-own} nor {-own}`),
};

/** Degrees: comparison with hopes, fears, rivals and the reader's patience. */
const degrees: FrameGroup = {
  share: 7,
  frames: [
    ...frames(`
      3 {part} {be} not as {-mild} as I had {-hoped}
      {part} {be} less {-own} than I had {-hoped}
      {part} {be} every bit as {+mild} as I had {+hoped}
      2 {whole} {be} even {+comp} than I had {+hoped}
      2 {part} could not have been {+comp}
      4 {whole} could not have been {+comp}
      2 {part} could have been {-better}
      3 {whole} could have been {-better}
      6 I have never {done} a {+comp} {one}
      4 I have {done} {-better} {ones}
      3 {whole} is {+comp} than {rival}
      3 this is the {+most} {item} I know
      {whole} {be} too {+mild} to {+overcome}
      {whole} {be} {+mild} enough to {+prompt}
      {part} {be} not {-mild} enough to {-prompt}`),
    ...frames(
      `
      {part} could have been {-comp}
      {part} {be} simply not {-mild} enough
      2 {sized} {be} too {measure}
      {sized} {be} far too {measure}`,
      { only: -1 },
    ),
    ...frames(
      `
      2 {part} {be} more than {+mild} enough
      3 {sized} {be} not too {measure}`,
      { only: 1 },
    ),
    ...frames(
      `
      2 {whole} {be} too clever by half
      2 too clever by half, this {item}
      {whole} {be} far too clever for its own good
      {whole} is not half as clever as it thinks it is`,
      { only: -1, topics: art },
    ),
    ...frames(
      `
      2 {whole} {be} clever without showing off
      {whole} is as clever as it thinks it is`,
      { only: 1, topics: art },
    ),
  ],
};

/** Judgement by nouns: what the thing is, and what there is in it. */
const nouns: FrameGroup = {
  share: 5,
  frames: [
    ...frames(`
      6 {whole} {be} {+award}
      2 for me, {whole} was {+award}
      {whole} turned out to be a {+verdict}
      2 I would call {whole} a {+verdict}
      I would not call {whole} a {-verdict}
      nobody could call {whole} a {-verdict}
      3 {whole} is full of {+stuff}
      {whole} has a lot of {+stuff}
      {whole} has no shortage of {+stuff}
      {whole} has no {-stuff}
      {whole} has hardly any {-stuff}
      {whole} is not without {+stuff}
      I found no {-stuff} in {whole}`),
    ...frames(`{whole} is short on {-stuff}`, { only: -1 }),
    ...frames(`{whole} is free of {-stuff}`, { only: 1 }),
  ],
};

/** Judgement by what it did to the public, and what the public felt. */
const effects: FrameGroup = {
  share: 6,
  frames: [
    ...frames(`
      3 {part} {+effected} me
      2 {part} did not {-effect} me
      {part} never {-effected} me
      {part} never failed to {+effect} us
      not once did {part} {-effect} me
      2 after {doing} I was {+felt}
      after {doing} I was not {-felt}
      after {doing} I was anything but {-felt}
      after {doing} we were far from {-felt}
      {whole} left me {+felt}
      I was never {-felt} with {part}
      I could not have been more {+felt} with {whole}
      I expected to be {+felt} with {whole}, and I was
      I expected to be {-felt} with {whole}, but I was not
      4 I {+loved} {whole}
      2 I {+loved} {part}
      2 I did not {-love} {part}
      2 I did not {-love} {whole}
      I expected to {+love} {whole}, and I did
      I expected to {-love} {whole}, but I did not
      I wanted to {-love} {whole}, but I could not
      nobody in our group {-loved} {whole}
      there is nothing to {-love} about {whole}
      there is a lot to {+love} about {whole}
      the critics {-loved} {whole}, but I did not
      the critics {+loved} {whole}, and so did I`),
    ...frames(`{part} failed to {-effect} me`, { only: -1 }),
    ...frames(`{part} did not fail to {+effect} me`, { only: 1 }),
  ],
};

/** Set phrases. They come in pairs that share most of their words and not their meaning. */
const idioms: FrameGroup = {
  share: 3,
  frames: [
    ...frames(
      `
      {whole} is well worth the money
      I do not regret {doing}
      I would gladly {again}
      I cannot recommend {whole} enough
      I could not fault {part}
      we have nothing but praise for {part}
      {part} left nothing to be desired
      {part} {be} something special
      {whole} lived up to my hopes
      I am glad that I heard of {whole}
      {whole} did not let us down
      not a penny spent on {whole} was wasted`,
      { only: 1 },
    ),
    ...frames(
      `
      {whole} is hardly worth the money
      I regret {doing}
      I would not {again}
      I cannot recommend {whole}
      I could not stand {part}
      we have nothing but complaints about {part}
      {part} left a lot to be desired
      {part} {be} nothing special
      {whole} did not live up to my hopes
      I wish I had never heard of {whole}
      {whole} let us down
      every penny spent on {whole} was wasted`,
      { only: -1 },
    ),
    ...frames(
      `
      I did not want {whole} to end
      I would not have missed {whole} for anything
      not a minute of {whole} is wasted
      there is never a dull moment in {whole}`,
      { only: 1, topics: art },
    ),
    ...frames(
      `
      I could not wait for {whole} to end
      I wish I had missed {whole}
      every minute of {whole} is wasted
      there are too many dull moments in {whole}`,
      { only: -1, topics: art },
    ),
    ...frames(`we did not want to leave {whole}\nwe were sorry to leave {whole}`, { only: 1, topics: venue }),
    ...frames(`we could not wait to leave {whole}\nwe were glad to leave {whole}`, { only: -1, topics: venue }),
  ],
};

export const singles: readonly FrameGroup[] = [plain, turned, degrees, nouns, effects, idioms];
