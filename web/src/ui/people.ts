/** Somebody who can be chosen. */
export interface Person {
  readonly account: string;
  readonly name: string;
  /** For the pictures of `state/pictures`. */
  readonly picture: string | null;
}
