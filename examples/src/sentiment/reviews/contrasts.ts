// Sentences with two judgements that pull in different directions, where only their order or their attachment tells
// which one counts. The convention is that of English: "A but B" is judged by B, "although A, B" and "B although A"
// by B, and a film with a poor ending by the film. Most of these say the opposite when their two words change places,
// so no count of words can tell the one from the other.
import { type FrameGroup, frames } from './frames.js';

/** Two clauses, of which one is conceded. */
const concessions: FrameGroup = {
  share: 26,
  frames: [
    ...frames(`
      5 {part} {be} {-qual}, but {part} {be} {+qual}
      5 {part} {be} {-qual}, but {whole} {be} {+qual}
      {part} {be} {-qual}, but overall {whole} {be} {+qual}
      4 although {part} {be} {-qual}, {whole} {be} {+qual}
      3 although {part} {be} {-qual}, {part} {be} {+qual}
      7 {whole} {be} {+qual} although {part} {be} {-qual}
      2 {whole} {be} {+adj} despite {-some}
      2 despite {-some}, {whole} {be} {+adj}
      2 a {+item} despite {-some}
      I {-loved} {part}, but I {+loved} {part}
      I {+loved} {whole} although I {-loved} {part}
      although I {-loved} {part}, I {+loved} {whole}
      {part} {was} {-qual}, but I {+loved} {part}
      I {-loved} {part}, but {part} {was} {+qual}
      although {part} {was} {-qual}, I {+loved} {part}
      although I {-loved} {part}, {part} {was} {+qual}
      {part} {was} {-qual}, but {whole} is full of {+stuff}
      {whole} is full of {-stuff}, but {part} {was} {+qual}`),
  ],
};

/** Two words, of which one is set against the other. */
const oppositions: FrameGroup = {
  share: 7,
  frames: [
    ...frames(`
      {whole} {be} more {+own} than {-own}
      {part} {be} {+adj} rather than {-adj}
      {part} {be} not {-adj} but {+adj}
      2 {whole} {be} {+adj}, not {-adj}
      for every {-unit} there are three {+adj} ones
      {whole} is a {+verdict} rather than a {-verdict}
      {whole} is more of a {+verdict} than a {-verdict}
      {whole} is not a {-verdict} but a {+verdict}
      {whole} has more {+stuff} than {-stuff}
      {whole} {+effects} more than it {-effects}`),
    ...frames(
      `
      2 {whole} {be} often {+mild} and rarely {-mild}
      {whole} {be} sometimes {-mild} but mostly {+mild}`,
      { topics: ['story'] },
    ),
  ],
};

/** What was expected, heard or once true against what is. */
const reversals: FrameGroup = {
  share: 11,
  frames: [
    ...frames(`
      I expected a {-verdict} and got a {+verdict}
      what looked like a {-verdict} turned out to be a {+verdict}
      I expected {whole} to be {-adj}, but it was {+qual}
      it was {+qual} although I expected it to be {-adj}
      I was expecting a {-item} and got a {+adj} one
      the {preview} looked {-any}, but {whole} {be} {+qual}
      {whole} {be} {+qual} although the {preview} looked {-any}
      I {-loved} the {preview} but {+loved} {whole}
      everyone told me {whole} was {-adj}, but I found it {+free}
      my friends found it {-free}, but I thought it was {+qual}
      I thought it was {+qual} although my friends found it {-free}
      my friends {-loved} {whole}, but I {+loved} it
      I {+loved} {whole} although my friends {-loved} it
      I expected to {-love} {whole} but {+loved} it
      at first I {-loved} {whole}, but in the end I {+loved} it
      I expected to be {-felt} with {whole} and was {+felt}
      {whole} seemed {-adj} at first, but it is {+qual}`),
    ...frames(
      `
      {whole} used to be {-adj}, but now it is {+qual}
      {whole} is {+qual} now, but it used to be {-adj}
      it was {-adj} last year and is {+adj} now`,
      { topics: ['eatery', 'place'] },
    ),
    ...frames(
      `
      it starts {-manner} and ends {+manner}
      {whole} starts {-manner} but ends {+manner}
      {whole} ends {+manner} after starting {-manner}`,
      { topics: ['story'] },
    ),
  ],
};

/** Good things wasted, bad things redeemed: fragments and set phrases. */
const wasted: FrameGroup = {
  share: 5,
  frames: [
    ...frames(`
      2 {-part}, {+item}
      {-part} but a {+item}
      3 a {+item} with {-some}
      {-part}, but {+part}`),
    ...frames(
      `
      {-part}, shame about {part}
      {-part}, let down by {+some}
      a {-item} ruined by {+some}
      not even {-some} can save this {+item}
      if only {part} had been as {-any} as {part}`,
      { only: -1 },
    ),
    ...frames(
      `
      {-some}, soon forgiven
      {-part}, more than made up for by {+some}
      a {-item} saved by {+some}
      not even {-some} can spoil this {+item}`,
      { only: 1 },
    ),
    ...frames(
      `
      {-some acting}, wasted
      {-part acting}, completely wasted
      {-some acting} wasted on {+some story}`,
      { only: -1, topics: ['story'] },
    ),
    ...frames(
      `
      {+some acting}, never wasted
      {+some acting}, for once not wasted`,
      { only: 1, topics: ['story'] },
    ),
  ],
};

export const contrasts: readonly FrameGroup[] = [concessions, oppositions, reversals, wasted];
